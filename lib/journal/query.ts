// Which messages of the journal are wanted. Pure.

import { type MessageFilter, passesFilter } from "../message.ts";
import { topicMatches } from "../topic.ts";
import type { Block } from "./block.ts";
import type { JournalRecord } from "./record.ts";

/** What is asked of a journal; of several conditions all must hold. */
export interface JournalQuery extends MessageFilter {
  /** Routed at or after this Unix time, in seconds. */
  readonly since?: number;
  /** Routed before this Unix time, in seconds. */
  readonly until?: number;
  /** Only messages behind this number. */
  readonly after?: number;
  /** Only messages up to this number, it too. */
  readonly through?: number;
}

/** Whether a message's number and time are among those that are wanted. */
export function isWithin(query: JournalQuery, seq: number, at: number): boolean {
  return seq > (query.after ?? -1) && seq <= (query.through ?? Infinity) &&
    at >= (query.since ?? -Infinity) && at < (query.until ?? Infinity);
}

/** Whether a record is wanted. */
export function matches(query: JournalQuery, { seq, at, message }: JournalRecord): boolean {
  return isWithin(query, seq, at) && passesFilter(message, query);
}

/** Whether a block may hold something that is wanted. */
export function mayHold(query: JournalQuery, block: Block): boolean {
  if (block.count === 0 || block.lastSeq <= (query.after ?? -1)) return false;
  if (block.firstSeq > (query.through ?? Infinity)) return false;
  if (block.maxAt < (query.since ?? -Infinity) || block.minAt >= (query.until ?? Infinity)) {
    return false;
  }
  for (const field of ["from", "to", "cmd"] as const) {
    const wanted = query[field];
    const names = block.names[field];
    if (wanted !== undefined && names !== undefined && !wanted.some((name) => names.has(name))) {
      return false;
    }
  }
  const topics = block.names.topic;
  if (query.topic === undefined || topics === undefined) return true;
  return query.topic.some((subscription) =>
    [...topics].some((topic) => topicMatches(subscription, topic))
  );
}

/**
 * A test of a record's text that is much quicker than to parse it, and lets everything through that
 * {@linkcode matches} does: a name that is asked for stands in the text, unless it is written with escapes.
 */
export function textTest(query: JournalQuery): (line: string) => boolean {
  const needles = [query.from, query.to, query.cmd].flatMap((names) =>
    names === undefined ? [] : [names.map((name) => JSON.stringify(name))]
  );
  if (needles.length === 0) return () => true;
  return (line) =>
    needles.every((names) => names.some((name) => line.includes(name))) || line.includes("\\");
}
