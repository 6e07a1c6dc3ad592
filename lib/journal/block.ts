// The index: for each stretch of a segment, what is in it, so that a search can skip it.
//
// A line of it: {"offset","bytes","count","firstSeq","lastSeq","minAt","maxAt","sum","names"}.

import type { Checksum } from "./checksum.ts";
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
  /** The checksum of its bytes. */
  readonly sum: number;
  /** The names in it, by field; `undefined`: too many to list. */
  readonly names: { readonly [F in Field]: ReadonlySet<string> | undefined };
}

/** What is in a block, but for its bytes. */
export type Contents = Pick<Block, "count" | "firstSeq" | "lastSeq" | "minAt" | "maxAt" | "names">;

/** The names of a block that grows. */
export class BlockNames {
  from: Set<string> | undefined = new Set();
  to: Set<string> | undefined = new Set();
  cmd: Set<string> | undefined = new Set();
  topic: Set<string> | undefined = new Set();
  /** That of the last message: mostly the next one has the same. */
  #route: Route | undefined;

  /** Those of one more message. */
  add(route: Route): void {
    if (route === this.#route) return;
    this.#route = route;
    for (const field of FIELDS) this.#add(field, route[field]);
  }

  /** Those of another block. */
  join(other: Block["names"]): void {
    for (const field of FIELDS) {
      const more = other[field];
      if (more === undefined) this[field] = undefined;
      else for (const name of more) this.#add(field, name);
    }
  }

  #add(field: Field, name: string | undefined): void {
    const known = this[field];
    if (known === undefined || name === undefined) return;
    known.add(name);
    if (known.size > MAX_NAMES) this[field] = undefined;
  }
}

/** A block that grows. */
export class OpenBlock implements Contents {
  readonly offset: number;
  readonly names: BlockNames = new BlockNames();
  bytes = 0;
  count = 0;
  firstSeq = 0;
  lastSeq = 0;
  minAt = Infinity;
  maxAt = -Infinity;
  sum = 0;

  constructor(offset: number) {
    this.offset = offset;
  }

  /** Records that come next. */
  join(more: Contents): void {
    if (more.count === 0) return;
    if (this.count === 0) this.firstSeq = more.firstSeq;
    this.count += more.count;
    this.lastSeq = more.lastSeq;
    this.minAt = Math.min(this.minAt, more.minAt);
    this.maxAt = Math.max(this.maxAt, more.maxAt);
    this.names.join(more.names);
  }

  /** One more record. */
  add(seq: number, at: number, route: Route): void {
    if (this.count === 0) this.firstSeq = seq;
    this.count++;
    this.lastSeq = seq;
    this.minAt = Math.min(this.minAt, at);
    this.maxAt = Math.max(this.maxAt, at);
    this.names.add(route);
  }

  /** The bytes of records that were added, and of their marks, in order. */
  extend(bytes: Uint8Array, checksum: Checksum): void {
    this.bytes += bytes.length;
    this.sum = checksum(bytes, this.sum);
  }

  /** The same, where these bytes' own checksum is known. */
  extendBy(bytes: Uint8Array, sum: number, checksum: Checksum): void {
    if (this.bytes > 0) return this.extend(bytes, checksum);
    this.bytes = bytes.length;
    this.sum = sum;
  }

  /** As it is now. */
  block(): Block {
    const { offset, bytes, count, firstSeq, lastSeq, minAt, maxAt, sum } = this;
    const { from, to, cmd, topic } = this.names;
    const names = { from, to, cmd, topic };
    return { offset, bytes, count, firstSeq, lastSeq, minAt, maxAt, sum, names };
  }
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
