// The ledger: what the hub has to remember through a restart, and may forget once it is done with.
//
// A file of lines that is appended to, synced in groups behind the hub's back, and written anew from
// what still holds when most of it does not any more. What happens to the disk happens to the ledger,
// never to the hub: when it is full, nothing is lost that the hub holds in memory, and the file is
// written anew as soon as it can be.
//
// Each line has a checksum: a line that a disk has changed may still be JSON, and would then be a
// wrong value or somebody else's mail.

import { type Log, NO_LOG } from "../log.ts";
import { checksumOf } from "./checksum.ts";
import { appendTo, reasonOf, syncFolder } from "./files.ts";
import { createGroupWriter } from "./group_writer.ts";

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
  /** From now on it can be written anew: from these lines, of about so many bytes. */
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
}

/** A ledger in a file. */
export interface Ledger extends HubLedger, AsyncDisposable {}

const NEWLINE = 10;
/** Lines are put together up to this size before they are written, in characters. */
const CHUNK = 1 << 20;
/** Of lines with the shortest messages: about 80 bytes more than the 50 or so that a message has. */
const MOST_SPREAD = 4;
const encoder = new TextEncoder();

const SUM_BEGINS = '{"sum":"';
/** What stands before the rest of a line: the sum in eight digits. */
const SUM_LENGTH = `${SUM_BEGINS}00000000",`.length;

/** A line as it is in the file: its checksum is its first field, so that it is still JSON. */
function withSum(line: string): string {
  const sum = checksumOf(encoder.encode(line)).toString(16).padStart(8, "0");
  return `${SUM_BEGINS}${sum}",${line.slice(1)}`;
}

/** The line without its checksum; `undefined` if it is not as it was written. */
function withoutSum(text: string): string | undefined {
  const line = `{${text.slice(SUM_LENGTH)}`;
  return withSum(line) === text ? line : undefined;
}

/** The whole lines of the file, without those that are damaged; and what there was to say of it. */
async function readLines(
  path: string,
): Promise<{ lines: string[]; size: number; damage: string | undefined }> {
  let data: Uint8Array;
  try {
    data = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { lines: [], size: 0, damage: undefined };
    throw new Error(`Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
  const size = data.lastIndexOf(NEWLINE) + 1;
  const all = new TextDecoder().decode(data.subarray(0, size)).split("\n").slice(0, -1);
  const lines = all.map(withoutSum).filter((line) => line !== undefined);
  const bad = all.length - lines.length;
  if (bad > 0) {
    const aside = `${path}.damaged`;
    await Deno.writeFile(aside, data);
    const damage =
      `${path}: ${bad} lines in it are damaged and are left out; as it was, it is ${aside}`;
    return { lines, size, damage };
  }
  // A torn last line was never safe, so that nobody was told that it is.
  if (size < data.length) await Deno.truncate(path, size);
  return { lines, size, damage: undefined };
}

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
    log = NO_LOG,
    onAlarm = () => {},
  } = options;
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  const found = await readLines(path);
  let lines = found.lines;
  let size = found.size;
  let file: Deno.FsFile | undefined = await Deno.open(path, { append: true, create: true });
  await syncFolder(folder);

  /** Lines that are not in the file, with their newlines. */
  let waiting = "";
  /** What is in the file is not what it should be: it has to be written anew. */
  let stale = false;
  let snapshot: (() => Iterable<string>) | undefined;
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

  async function appendLines(text: string): Promise<void> {
    file ??= await Deno.open(path, { append: true, create: true });
    const bytes = encoder.encode(text);
    await appendTo(file, bytes);
    await file.syncData();
    size += bytes.length;
  }

  /** Writes what holds into a new file, and puts that in the place of the old one. */
  async function rewrite(all: readonly string[]): Promise<void> {
    const beside = `${path}.new`;
    let done = 0;
    try {
      using next = await Deno.open(beside, { write: true, create: true, truncate: true });
      for (let i = 0; i < all.length;) {
        let text = "";
        while (i < all.length && text.length < CHUNK) text += `${withSum(all[i++] ?? "")}\n`;
        const bytes = encoder.encode(text);
        await appendTo(next, bytes);
        done += bytes.length;
      }
      await next.sync();
    } catch (error) {
      await Deno.remove(beside).catch(() => {});
      throw error;
    }
    file?.close();
    file = undefined;
    await Deno.rename(beside, path);
    size = done;
    spread = Math.min(MOST_SPREAD, Math.max(1, size / Math.max(1, held())));
    await syncFolder(folder);
  }

  async function writeGroup(): Promise<void> {
    const upTo = appended;
    const text = waiting;
    waiting = "";
    const least = spread * held();
    const large = size + text.length > Math.max(2 * least, least + slackBytes);
    try {
      if (snapshot !== undefined && (stale || large)) {
        // What is appended from here on is not in the snapshot, and waits for the next group.
        stale = false;
        await rewrite([...snapshot()]);
      } else if (stale) throw new Error(stopped ?? "nobody has said yet what holds");
      else await appendLines(text);
      synced = upTo;
      if (stopped !== undefined) {
        stopped = undefined;
        log.warn(`The ledger goes on: ${path}`);
        onAlarm("resumed", "The ledger goes on; what is promised now outlives the hub again");
      }
    } catch (error) {
      // All that holds is in the hub's memory: the next snapshot has it.
      stale = true;
      waiting = "";
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
    pauseMs: () => waiting === "" ? undefined : fsyncMs,
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
      // Once the file is to be written anew, what holds is known without it.
      if (!stale) waiting += `${withSum(line)}\n`;
      writer.soon(stopped !== undefined ? retryMs : fsyncMs);
    },
    synced: () => writer.safe(appended),
    stats: () => ({
      bytes: size,
      waiting: waiting.length,
      ...(stopped === undefined ? {} : { stopped }),
    }),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await writer.close();
      if (appended > synced) await writer.now();
      writer.giveUp(new Error("Cannot keep it: the ledger is closed"));
      file?.close();
      file = undefined;
    },
  };
}
