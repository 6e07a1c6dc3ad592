// History for clients: one page for each question, so that a slow reader is never flooded.

import { stateHome } from "../environment.ts";
import type { Route } from "../message.ts";
import type { JournalQuery } from "./query.ts";
import type { Found } from "./read.ts";
import { encodeRecord } from "./record.ts";

/** Some records, and where to go on. */
export interface HistoryPage {
  /** The records as JSON, see `encodeRecord`. */
  readonly records: readonly string[];
  /** Ask again for what is behind this number; `null`: that was all. */
  readonly next: number | null;
}

/** Bounds of one page. */
export interface PageOptions {
  /** Most records. Default 1000. */
  limit?: number;
  /** About as many characters at most; one record is always given. Default 256 Ki. */
  maxLength?: number;
  /** For how long to search, in milliseconds; then an empty page tells how far it came. Default 200. */
  maxMs?: number;
}

/** What a page is made from: a journal, or what reads its files. */
export interface Readable {
  read(
    query: JournalQuery,
    options?: { signal?: AbortSignal; passed?: (lastSeq: number) => void },
  ): AsyncGenerator<Found>;
}

/** What waits for a journal's disk. */
export interface Backlog {
  /** Bytes that wait, those that are being written among them. */
  readonly bytes: number;
  /** Past about so many, messages are lost to the journal. */
  readonly limit: number;
  /** Nothing is written now, because of an error. */
  readonly isStopped: boolean;
  /** Calls this each time that something was written, or that it stopped. */
  onProgress(listener: () => void): void;
}

/** A message where the journal has put it: all of it in one place, and still at hand. */
export interface Kept {
  readonly bytes: Uint8Array;
  /** Behind its last byte is the newline, and behind that this. It holds until the next message. */
  readonly length: number;
}

/**
 * Keeps a message; returns where it is, or `undefined` if there was no room for it. Never waits, never
 * throws.
 *
 * @param begin Of bytes, those from here … Default: all of them.
 * @param end … to here, and
 * @param tail these behind them. Default: none.
 */
export type Append = (
  text: string | Uint8Array,
  route: Route,
  begin?: number,
  end?: number,
  tail?: Uint8Array,
) => Kept | undefined;

/** What the hub needs of a journal. */
export interface HubJournal {
  readonly seq: number;
  /** Default: it is as quick as what comes. */
  readonly backlog?: Backlog;
  readonly append: Append;
  /** Resolves once all messages from that number on are safe; rejects if one of them is not. */
  synced(since: number): Promise<void>;
  page(query: JournalQuery, options: PageOptions): Promise<HistoryPage>;
  stats(): { readonly [field: string]: string | number | undefined };
}

/** Reads one page. */
export async function readPage(
  journal: Readable,
  query: JournalQuery,
  options: PageOptions = {},
): Promise<HistoryPage> {
  const { limit = 1000, maxLength = 256 * 1024, maxMs = 200 } = options;
  const end = performance.now() + maxMs;
  const over = new AbortController();
  const records: string[] = [];
  let length = 0, passed: number | undefined;
  try {
    const found = journal.read(query, {
      signal: over.signal,
      passed: (lastSeq) => {
        passed = lastSeq;
        if (performance.now() > end) over.abort();
      },
    });
    for await (const { line, record } of found) {
      const text = encodeRecord(record, line);
      records.push(text);
      length += text.length;
      if (records.length >= limit || length >= maxLength) return { records, next: record.seq };
    }
    return { records, next: null };
  } catch (error) {
    if (!over.signal.aborted || passed === undefined) throw error;
    return { records, next: passed };
  }
}

/** Where a hub of this name keeps its journal: `$XDG_STATE_HOME/abcd/HUB/journal`. */
export function journalFolder(hub: string): string {
  return `${stateHome()}/abcd/${hub}/journal`;
}
