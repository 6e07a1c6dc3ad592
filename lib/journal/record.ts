// One line of the journal: {"seq":NUMBER,"at":UNIX SECONDS,"m":MESSAGE}, the message as it was routed.

import { checkMessage, type Message } from "../message.ts";

/** A message in the journal. */
export interface JournalRecord {
  /** Counts the journal's messages, from 1, through all restarts; what was lost leaves a hole. */
  readonly seq: number;
  /** When the hub routed it, Unix time in seconds. */
  readonly at: number;
  readonly message: Message;
}

/** What stands before the number. */
export const RECORD_HEAD = '{"seq":';

/** What stands between the number and the message's text: the time. */
export function recordMiddle(at: number): string {
  return `,"at":${at},"m":`;
}

/** What stands behind it. */
export const RECORD_TAIL = "}\n";

/** The record that a line (without its newline) holds; `undefined` if it holds none. */
export function parseRecord(line: string): JournalRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return recordFrom(value);
}

/** The record that a parsed line is; `undefined` if it is none. */
export function recordFrom(value: unknown): JournalRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { seq, at, m } = value as { seq?: unknown; at?: unknown; m?: unknown };
  if (typeof seq !== "number" || !Number.isSafeInteger(seq) || typeof at !== "number") {
    return undefined;
  }
  try {
    return { seq, at, message: checkMessage(m, { maxNesting: Infinity }) };
  } catch {
    return undefined;
  }
}
