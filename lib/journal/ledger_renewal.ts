// A ledger's file that is written anew beside the old one, while that goes on: first what holds, slice
// by slice, then what was appended since.

import { appendTo, reasonOf } from "./files.ts";
import { slicesOf } from "./ledger_file.ts";

/** A new file that is to take the place of the old one. */
export interface Renewal {
  readonly path: string;
  /** Whether what holds is in it, but for what was appended lately. */
  readonly state: "under way" | "ready" | "failed";
  /** Why it failed. */
  readonly failure: string | undefined;
  /** A line has been appended to the ledger. */
  append(line: string): void;
  /**
   * Waits until it is ready, adds what was appended up to now, and closes it: it is safe on the disk.
   *
   * @returns Its size in bytes.
   * @throws {Error} If it failed; then it is gone.
   */
  finish(): Promise<number>;
  /** Takes it away. */
  drop(): Promise<void>;
}

const TOO_LATE = "the disk is too slow for what is appended";

/** Options of {@linkcode beginRenewal}. */
export interface RenewalOptions {
  readonly path: string;
  /** What holds, as JSON; they are gone through bit by bit. */
  readonly lines: Iterable<string>;
  /** What may be appended meanwhile and wait for the disk, in characters; past it this fails. */
  readonly bufferLength: number;
  /** Told when it is ready, or has failed. */
  readonly settled: () => void;
}

/** Begins one. */
export function beginRenewal(options: RenewalOptions): Renewal {
  const { path, lines, bufferLength, settled } = options;
  let state: Renewal["state"] = "under way";
  let failure: string | undefined;
  let file: Deno.FsFile | undefined;
  let size = 0;
  let dropped = false, isLate = false;
  /** What was appended since it was begun, and is not in it. */
  let since: string[] = [];
  let sinceLength = 0;

  /** Writes lines; after each slice everything else has its turn, however quick the disk is. */
  async function write(all: Iterable<string>): Promise<void> {
    let isFirst = true;
    for await (const bytes of slicesOf(all)) {
      if (!isFirst) await new Promise((resolve) => setTimeout(resolve, 0));
      isFirst = false;
      if (isLate) throw new Error(TOO_LATE);
      if (file === undefined || dropped) throw new Error("nobody wants it any more");
      await appendTo(file, bytes);
      size += bytes.length;
    }
  }

  async function writeSince(): Promise<void> {
    const all = since;
    since = [];
    sinceLength = 0;
    if (isLate) throw new Error(TOO_LATE);
    await write(all);
  }

  async function begin(): Promise<void> {
    file = await Deno.open(path, { write: true, create: true, truncate: true });
    await write(lines);
    await writeSince();
    // The most of it is on the disk before anybody has to wait for the rest.
    await file.sync();
    await writeSince();
  }

  const written = begin().then(
    () => {
      if (!isLate) state = "ready";
    },
    (error) => {
      state = "failed";
      failure ??= reasonOf(error);
    },
  ).then(settled);

  async function drop(): Promise<void> {
    dropped = true;
    await written;
    try {
      file?.close();
    } catch {
      // it is closed
    }
    await Deno.remove(path).catch(() => {});
  }

  return {
    path,
    get state() {
      return state;
    },
    get failure() {
      return failure;
    },
    append(line) {
      if (isLate) return;
      since.push(line);
      sinceLength += line.length;
      if (sinceLength <= bufferLength) return;
      isLate = true;
      since = [];
      state = "failed";
      failure = TOO_LATE;
    },
    async finish() {
      try {
        await written;
        if (failure !== undefined) throw new Error(failure);
        await writeSince();
        await file?.sync();
        file?.close();
        return size;
      } catch (error) {
        await drop();
        throw error;
      }
    },
    drop,
  };
}
