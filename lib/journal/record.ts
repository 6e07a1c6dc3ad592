// The lines of the journal: messages as they were routed, and marks between them.
//
// {"seq":NUMBER,"at":UNIX SECONDS}    a mark: of the message behind it, and of all behind that one,
// {"cmd":"monit","from":"hv",…}       counted on, until the next mark. There is one in each millisecond
// {"cmd":"monit","from":"hv",…}       that has messages, so that a flood costs no more than its bytes.

import { checkMessage, type Message } from "../message.ts";

/** A message in the journal. */
export interface JournalRecord {
  /** Counts the journal's messages, from 1, through all restarts; what was lost leaves a hole. */
  readonly seq: number;
  /** When the hub routed it, Unix time in seconds. */
  readonly at: number;
  readonly message: Message;
}

/** What a mark tells of the messages behind it. */
export interface Mark {
  /** Number of the next one. */
  readonly seq: number;
  /** When they were routed, Unix time in seconds. */
  readonly at: number;
}

const MARK = /^\{"seq":(\d{1,16}),"at":(-?[\d.]+(?:e[+-]?\d+)?)\}$/;
const MARK_BEGINS = '{"seq":';

/** The line of a mark, with its newline. */
export function encodeMark({ seq, at }: Mark): string {
  return `{"seq":${seq},"at":${at}}\n`;
}

/** The mark that a line (without its newline) is; `undefined` if it is none. No message is one: it has a `cmd`. */
export function parseMark(line: string): Mark | undefined {
  if (!line.startsWith(MARK_BEGINS)) return undefined;
  const [, seq, at] = MARK.exec(line) ?? [];
  const mark = { seq: Number(seq), at: Number(at) };
  return Number.isSafeInteger(mark.seq) && Number.isFinite(mark.at) ? mark : undefined;
}

/** The message that a line (without its newline) is; `undefined` if it is none. */
export function parseLoggedMessage(line: string): Message | undefined {
  try {
    return checkMessage(JSON.parse(line), { maxNesting: Infinity });
  } catch {
    return undefined;
  }
}

/** A record as JSON, for who asks for it: `{"seq","at","m"}`, `line` being the message's. */
export function encodeRecord({ seq, at }: Mark, line: string): string {
  return `{"seq":${seq},"at":${at},"m":${line}}`;
}

/** The record that a parsed value is, see {@linkcode encodeRecord}; `undefined` if it is none. */
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
