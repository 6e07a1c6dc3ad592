// The ledger: what the hub has to remember through a restart, and may forget once it is done with.
//
// A file of lines that is appended to, synced in groups behind the hub's back, and written anew from
// what still holds when most of it does not any more: slice by slice, while the old file is appended to
// as before, and with what was appended since behind it. What happens to the disk happens to the
// ledger, never to the hub: when it is full, nothing is lost that the hub holds in memory, and the file
// is written anew as soon as it can be.

import { type Log, NO_LOG } from "../log_contract.ts";
import { appendTo, checkPlace, reasonOf, syncFolder } from "./files.ts";
import { createGroupWriter } from "./group_writer.ts";
import { MORE_IN_FILE, readLines, slicesOf } from "./ledger_file.ts";
import { beginRenewal, type Renewal } from "./ledger_renewal.ts";

/** What a ledger tells its owner. */
export type LedgerAlarm = "stopped" | "resumed" | "damaged";

/** Options of {@linkcode openLedger}. */
export interface LedgerOptions {
  /** The file; made if it is not there. Whoever opens it must hold its folder. */
  path: string;
  /** Written and synced to the disk this often, in milliseconds. Default 100. */
  fsyncMs?: number;
  /** The same while somebody waits in `synced`. Default 5. */
  ackMs?: number;
  /** How often it is tried again when the disk is full, in milliseconds. Default 1000. */
  retryMs?: number;
  /** Written anew when it is this much larger than what still holds, and twice as large. Default 8 MiB. */
  slackBytes?: number;
  /**
   * What may wait for the disk, in characters; past it the file is written anew instead, from what holds.
   * Default 64 Mi.
   */
  bufferLength?: number;
  log?: Log;
  /** Told when the ledger stops, goes on, or finds damage; `text` says it all. */
  onAlarm?: (state: LedgerAlarm, text: string) => void;
}

/** Facts about a ledger. */
export type LedgerStats = {
  /** Bytes of the file. */
  readonly bytes: number;
  /** Bytes that wait for the disk. */
  readonly waiting: number;
  /** Why nothing is written now. */
  readonly stopped?: string;
};

/** What the hub needs of a ledger. */
export interface HubLedger {
  /** The lines that were in it, in order; once. */
  recall(): readonly string[];
  /** It could not be opened yet: calls this with its lines when it is, in place of `recall`. */
  recallLate?(listener: (lines: readonly string[]) => void): void;
  /**
   * From now on it can be written anew: from these lines, of about so many bytes. They are gone through
   * bit by bit. What is appended meanwhile stands behind them, whether they have it already or not.
   */
  rewriteFrom(lines: () => Iterable<string>, bytes: () => number): void;
  /** Adds a line: a JSON object that is not empty, without its newline. Never waits, never throws. */
  append(line: string): void;
  /**
   * Resolves once all that was appended is safe on the disk.
   *
   * @throws {Error} If it is not, because the disk is full, say.
   */
  synced(): Promise<void>;
  stats(): LedgerStats;
  /** Writes it anew from what holds, whatever was appended. */
  writeAnew?(): void;
}

/** A ledger in a file. */
export interface Ledger extends HubLedger, AsyncDisposable {
  writeAnew(): void;
}

/** Of lines with the shortest messages: about 80 bytes more than the 50 or so that a message has. */
const MOST_SPREAD = 4;

/**
 * Opens a ledger, repairs what a crash left, and goes on behind its last line.
 *
 * @throws {Error} If the file cannot be read or written.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const {
    path,
    fsyncMs = 100,
    ackMs = 5,
    retryMs = 1000,
    slackBytes = 8 * 1024 ** 2,
    bufferLength = 64 * 1024 ** 2,
    log = NO_LOG,
    onAlarm = () => {},
  } = options;
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  const found = await readLines(path);
  // What a crash has left of one that was to take its place.
  await Deno.remove(`${path}.new`).catch(() => {});
  let lines = found.lines;
  let size = found.size;
  let file: Deno.FsFile | undefined = await Deno.open(path, { append: true, create: true });
  /** What the open file said of itself. */
  let about: Deno.FileInfo | undefined;
  await syncFolder(folder);

  /** Lines that are not in the file, and how many characters they have. */
  let waiting: string[] = [], waitingLength = 0;
  /** What is in the file is not what it should be: it has to be written anew. */
  let stale = false;
  let snapshot: (() => Iterable<string>) | undefined;
  /** It is being written anew. */
  let renewal: Renewal | undefined;
  /** That has failed, though the old file can be written: not again before this has this size. */
  let renewFrom = 0;
  let held: () => number = () => 0;
  /** So many times larger than what they hold the lines were when they were written anew. */
  let spread = 1;
  let stopped: string | undefined;
  let closed = false;
  /** How many lines were appended, and how many of them are safe. */
  let appended = 0, synced = 0;

  if (found.damage !== undefined) {
    stale = true;
    log.error(`Ledger: ${found.damage}`);
    onAlarm("damaged", found.damage);
  }

  function takeWaiting(): readonly string[] {
    const lines = waiting;
    waiting = [];
    waitingLength = 0;
    return lines;
  }

  async function appendLines(lines: readonly string[]): Promise<void> {
    file ??= await Deno.open(path, { append: true, create: true });
    for await (const bytes of slicesOf(lines)) {
      await appendTo(file, bytes);
      size += bytes.length;
    }
    await file.syncData();
    about ??= await file.stat();
    await checkPlace(path, about);
  }

  function renew(lines: Iterable<string>): Renewal {
    return renewal = beginRenewal({
      path: `${path}.new`,
      lines,
      bufferLength,
      settled: () => writer.soon(0),
    });
  }

  /** Puts the new file, with what was appended since it was begun, in the place of the old one. */
  async function finish(next: Renewal): Promise<void> {
    // From here on what is appended goes behind it.
    renewal = undefined;
    takeWaiting();
    stale = false;
    size = await next.finish();
    file?.close();
    file = about = undefined;
    await Deno.rename(next.path, path);
    renewFrom = 0;
    spread = Math.min(MOST_SPREAD, Math.max(1, size / Math.max(1, held())));
    await syncFolder(folder);
  }

  async function giveUp(failed: Renewal): Promise<void> {
    await failed.drop();
    renewal = undefined;
  }

  /** Writes what waits, into the file that there is. */
  async function writeWaiting(): Promise<void> {
    const least = spread * held();
    const large = size + waitingLength > Math.max(2 * least, least + slackBytes, renewFrom);
    if (snapshot !== undefined && large && renewal === undefined) renew(snapshot());
    if (renewal?.state === "ready") return await finish(renewal);
    if (renewal?.state === "failed") {
      // The old one is as good as before; it only goes on growing.
      log.warn(`Cannot write the ledger ${path} anew: ${renewal.failure}; it is tried again later`);
      await giveUp(renewal);
      renewFrom = size + Math.max(slackBytes, least);
    }
    await appendLines(takeWaiting());
  }

  async function writeGroup(): Promise<void> {
    const upTo = appended;
    try {
      if (!stale) await writeWaiting();
      else if (snapshot === undefined) throw new Error(stopped ?? "nobody has said yet what holds");
      else {
        // One that was begun while the file was good has all that was appended since, too.
        if (renewal?.state === "failed") await giveUp(renewal);
        // Somebody may have removed it.
        await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
        await finish(renewal ?? renew(snapshot()));
      }
      synced = upTo;
      if (stopped !== undefined) {
        stopped = undefined;
        log.warn(`The ledger goes on: ${path}`);
        onAlarm("resumed", "The ledger goes on; what is promised now outlives the hub again");
      }
    } catch (error) {
      // All that holds is in the hub's memory: the next snapshot has it.
      stale = true;
      takeWaiting();
      const reason = `Cannot write the ledger ${path}: ${reasonOf(error)}`;
      if (stopped === undefined) {
        const text = `${reason}; mail that waits is lost if the hub ends before there is room`;
        log.error(text);
        onAlarm("stopped", text);
      }
      stopped = reason;
    }
  }

  const writer = createGroupWriter({
    write: writeGroup,
    synced: () => synced,
    stopped: () => stopped,
    pauseMs: () => {
      if (renewal !== undefined && renewal.state !== "under way") return 0;
      return waitingLength === 0 ? undefined : fsyncMs;
    },
    ackMs,
    retryMs,
  });

  return {
    recall() {
      const all = lines;
      lines = [];
      return all;
    },
    rewriteFrom(from, bytes) {
      snapshot = from;
      held = bytes;
      if (stale) writer.soon(0);
    },
    append(line) {
      if (closed) return;
      appended++;
      renewal?.append(line);
      // Nothing goes into a file that is not good any more: it is written anew.
      if (!stale) {
        waiting.push(line);
        waitingLength += line.length + MORE_IN_FILE;
      }
      if (waitingLength > bufferLength) {
        // All that holds is in the hub's memory.
        stale = true;
        takeWaiting();
      }
      writer.soon(stopped !== undefined ? retryMs : fsyncMs);
    },
    writeAnew() {
      stale = true;
      takeWaiting();
      // Who waits for what was appended waits for this.
      appended++;
      writer.soon(0);
    },
    synced: () => writer.safe(appended),
    stats: () => ({
      bytes: size,
      waiting: waitingLength,
      ...(stopped === undefined ? {} : { stopped }),
    }),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await writer.close();
      if (appended > synced || renewal?.state === "ready") await writer.now();
      await renewal?.drop();
      writer.giveUp(new Error("Cannot keep it: the ledger is closed"));
      file?.close();
      file = undefined;
    },
  };
}
