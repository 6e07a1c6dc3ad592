// The index: for each stretch of a segment, what is in it, so that a search can skip it.
//
// A line of it: {"offset","bytes","count","firstSeq","lastSeq","minAt","maxAt","sum","names"}.

import { createChecksum } from "./checksum.ts";
import type { Route } from "../message.ts";

const FIELDS = ["from", "to", "cmd", "topic"] as const;
type Field = typeof FIELDS[number];

/** More different names than this in one block are not told apart: the block may hold any. */
const MAX_NAMES = 64;

/** What stands in one stretch of a segment. */
export interface Block {
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly count: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Least and greatest time, Unix time in seconds. */
  readonly minAt: number;
  readonly maxAt: number;
  /** Its checksum. */
  readonly sum: number;
  /** The names in it, by field; `undefined`: too many to list. */
  readonly names: { readonly [F in Field]: ReadonlySet<string> | undefined };
}

/** A block that grows. */
export interface OpenBlock {
  readonly count: number;
  readonly bytes: number;
  /** One more record. */
  add(seq: number, at: number, route: Route): void;
  /** The bytes of records that were added, in order. */
  extend(bytes: Uint8Array): void;
  /** What another block holds, and this one from now on too. */
  join(other: Pick<Block, "count" | "firstSeq" | "lastSeq" | "minAt" | "maxAt" | "names">): void;
  /** As it is now. */
  block(): Block;
}

/** Makes a block that has nothing in it. */
export function openBlock(offset: number): OpenBlock {
  let bytes = 0, count = 0, firstSeq = 0, lastSeq = 0, minAt = Infinity, maxAt = -Infinity;
  const sum = createChecksum();
  const names: { [F in Field]: Set<string> | undefined } = {
    from: new Set(),
    to: new Set(),
    cmd: new Set(),
    topic: new Set(),
  };
  /** Those of the last that was added: mostly the next one has the same. */
  let lastCmd: string | undefined;
  let lastFrom: string | undefined, lastTo: string | undefined, lastTopic: string | undefined;
  function addName(field: Field, name: string | undefined): void {
    const known = names[field];
    if (known === undefined || name === undefined) return;
    known.add(name);
    if (known.size > MAX_NAMES) names[field] = undefined;
  }
  function addTimes(n: number, first: number, last: number, from: number, to: number): void {
    if (count === 0) firstSeq = first;
    count += n;
    lastSeq = last;
    if (from < minAt) minAt = from;
    if (to > maxAt) maxAt = to;
  }
  return {
    get count() {
      return count;
    },
    get bytes() {
      return bytes;
    },
    add(seq, at, route) {
      addTimes(1, seq, seq, at, at);
      const { from, to, cmd, topic } = route;
      if (from !== lastFrom) addName("from", lastFrom = from);
      if (to !== lastTo) addName("to", lastTo = to);
      if (cmd !== lastCmd) addName("cmd", lastCmd = cmd);
      if (topic !== lastTopic) addName("topic", lastTopic = topic);
    },
    extend(piece) {
      bytes += piece.length;
      sum.update(piece);
    },
    join(other) {
      addTimes(other.count, other.firstSeq, other.lastSeq, other.minAt, other.maxAt);
      for (const field of FIELDS) {
        const more = other.names[field];
        if (more === undefined) names[field] = undefined;
        else for (const name of more) addName(field, name);
      }
    },
    block: () => ({
      offset,
      bytes,
      count,
      firstSeq,
      lastSeq,
      minAt,
      maxAt,
      sum: sum.value(),
      names: { ...names },
    }),
  };
}

/** The index's line of a block. */
export function encodeBlock(block: Block): string {
  const names = Object.fromEntries(FIELDS.map((f) => [f, block.names[f] && [...block.names[f]]]));
  return JSON.stringify({ ...block, names }) + "\n";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

/** The block that a line of the index describes; `undefined` if it describes none. */
export function parseBlock(line: string): Block | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { offset, bytes, count, firstSeq, lastSeq, minAt, maxAt, sum, names } = value as {
    [field: string]: unknown;
  };
  if (
    !isNumber(offset) || !isNumber(bytes) || !isNumber(count) || !isNumber(firstSeq) ||
    !isNumber(lastSeq) || !isNumber(minAt) || !isNumber(maxAt) || !isNumber(sum) ||
    typeof names !== "object" || names === null
  ) return undefined;
  const lists = names as { [field: string]: unknown };
  const set = (field: Field): ReadonlySet<string> | undefined => {
    const list = lists[field];
    return Array.isArray(list)
      ? new Set(list.filter((n): n is string => typeof n === "string"))
      : undefined;
  };
  return {
    offset,
    bytes,
    count,
    firstSeq,
    lastSeq,
    minAt,
    maxAt,
    sum,
    names: { from: set("from"), to: set("to"), cmd: set("cmd"), topic: set("topic") },
  };
}
