// The journal: every message that the hub routes, kept in files. Written in groups behind the hub's
// back; what happens to the disk happens to the journal, never to the hub.

import { JOURNAL_BUFFER_BYTES } from "../defaults.ts";
import { type Log, NO_LOG } from "../log_contract.ts";
import { FileGoneError, holdFolder, reasonOf } from "./files.ts";
import { loadChecksum } from "./checksum.ts";
import { Group } from "./group.ts";
import { createGroupWriter } from "./group_writer.ts";
import type { Append, Backlog } from "./page.ts";
import type { JournalQuery } from "./query.ts";
import { type Found, readBlocks, type ReadOptions } from "./read.ts";
import { openSegments, type Segments } from "./segments.ts";

/** Options of {@linkcode createJournal}. */
export interface JournalOptions {
  /** Where the files are; made if it is not there. One journal at a time holds it. */
  folder: string;
  /** The time now, in milliseconds since 1970. Default `Date.now`. */
  clock?: () => number;
  /** Written and synced to the disk this often, in milliseconds. Default 100. */
  fsyncMs?: number;
  /** The same while somebody waits in `synced`. Default 5. */
  ackMs?: number;
  /** Older files are removed. Default 30 days. */
  retentionSec?: number;
  /** The oldest files are removed when all together are larger. Default 2 GiB. */
  retentionBytes?: number;
  /** A file is full at this size. Default 16 MiB. */
  segmentBytes?: number;
  /** The index tells stretches of this size apart. Default 128 KiB. */
  blockBytes?: number;
  /** What may wait for the disk; past it messages are lost to the journal. Default 64 MiB. */
  bufferBytes?: number;
  /** How often it is tried again when the disk is full, in milliseconds. Default 1000. */
  retryMs?: number;
  log?: Log;
  /** Told when the journal stops, is too slow to keep all, goes on, or finds damage; `text` says it all. */
  onAlarm?: (state: JournalAlarm, text: string) => void;
}

/** What a journal tells its owner. */
export type JournalAlarm = "stopped" | "losing" | "resumed" | "damaged";

/** Facts about a journal. */
export type JournalStats = {
  /** Number of the last message, written or not. */
  readonly seq: number;
  /** Number of the last message that is safe on the disk. */
  readonly synced: number;
  readonly segments: number;
  /** Bytes of all files but the indexes. */
  readonly bytes: number;
  /** Bytes that wait for the disk. */
  readonly waiting: number;
  /** For how long the oldest of them has waited, in seconds. */
  readonly lag: number;
  /** Messages that were not kept. */
  readonly lost: number;
  /** Stretches that were not as they had been written. */
  readonly damaged: number;
  /** Why nothing is written now. */
  readonly stopped?: string;
};

/** Every message that the hub routes. */
export interface Journal extends AsyncDisposable {
  readonly folder: string;
  /** Number of the last message. */
  readonly seq: number;
  readonly backlog: Backlog;
  readonly append: Append;
  /**
   * Resolves once all that was appended is safe on the disk.
   *
   * @param since The number of the first message that matters. Default: that of the last one.
   * @throws {Error} If one of them is not, because the disk is full, say.
   */
  synced(since?: number): Promise<void>;
  /** The messages that are asked for, in order, up to the last one that is there now. */
  read(
    query: JournalQuery,
    options?: Pick<ReadOptions, "signal" | "passed">,
  ): AsyncGenerator<Found>;
  stats(): JournalStats;
}

const encoder = new TextEncoder();
const NO_TAIL = new Uint8Array();
/**
 * While much waits the index tells stretches apart that are larger by this: each write waits for a turn of
 * the event loop. More than that would only push more out of the processor's cache.
 */
const LARGER = 8;
/** So much is written at once. */
const MUCH_BYTES = 1024 * 1024;

/**
 * Opens a journal, repairs what a crash left, and goes on behind its last message.
 *
 * @throws {Error} If the folder cannot be used, or another journal holds it.
 */
export async function createJournal(options: JournalOptions): Promise<Journal> {
  const {
    folder,
    clock = Date.now,
    fsyncMs = 100,
    ackMs = 5,
    retentionSec = 30 * 86400,
    retentionBytes = 2 * 1024 ** 3,
    segmentBytes = 16 * 1024 ** 2,
    blockBytes = 128 * 1024,
    bufferBytes = JOURNAL_BUFFER_BYTES,
    retryMs = 1000,
    log = NO_LOG,
    onAlarm = () => {},
  } = options;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = await holdFolder(folder);
  const group = new Group({
    maxBytes: bufferBytes,
    pieceBytes: Math.min(blockBytes, segmentBytes),
    largestBytes: Math.min(LARGER * blockBytes, segmentBytes),
  });

  const much = Math.min(bufferBytes / 8, MUCH_BYTES);
  let lost = 0, lastLost = 0, damaged = 0;
  let stopped: string | undefined;
  /** What was to be written last waits again. */
  let hasFailed = false;
  /** The disk is too slow, and that has been said. */
  let isLosing = false;
  let closed = false;
  /** Bytes that are being written. */
  let onTheirWay = 0;
  let progress = () => {};
  const saidDamaged = new Set<string>();

  function sayDamaged(text: string): void {
    damaged++;
    log.error(`Journal: ${text}`);
    onAlarm("damaged", text);
  }

  let segments: Segments;
  try {
    segments = await openSegments({
      ...{ folder, clock, retentionSec, retentionBytes, segmentBytes, blockBytes, log },
      damaged: sayDamaged,
    });
  } catch (error) {
    lock.close();
    throw error;
  }
  let seq = segments.lastFound, written = seq, synced = seq;

  async function writeGroup(): Promise<void> {
    group.checksum ??= await loadChecksum();
    const since = group.since ?? clock();
    const pieces = group.take();
    let done = 0;
    onTheirWay = pieces.reduce((sum, { length }) => sum + length, 0);
    try {
      for (const piece of pieces) {
        await segments.write(piece);
        written = piece.lastSeq;
        done++;
        onTheirWay -= piece.length;
        group.free(piece);
        progress();
      }
      hasFailed = false;
    } catch (error) {
      onTheirWay = 0;
      group.putBack(pieces.slice(done), since);
      hasFailed = true;
      stop(error);
      progress();
    }
  }

  async function sync(): Promise<void> {
    const upTo = written;
    try {
      await segments.sync();
      synced = upTo;
      if (hasFailed || (stopped === undefined && !isLosing)) return;
      const text = `The journal goes on; ${lost} messages were not kept in all`;
      stopped = undefined;
      isLosing = false;
      log.warn(text);
      onAlarm("resumed", text);
    } catch (error) {
      if (error instanceof FileGoneError) {
        // What was written since the last time is in no file any more.
        lost += written - synced;
        lastLost = synced = written;
      }
      stop(error);
      progress();
    }
  }

  function stop(error: unknown): void {
    const reason = `Cannot write the journal in ${folder}: ${reasonOf(error)}`;
    if (stopped === undefined) {
      log.error(`${reason}; the hub goes on without it`);
      stopped = reason;
      onAlarm("stopped", `${reason}; the hub goes on without it until there is room`);
    }
    stopped = reason;
  }

  /** There was no room for a message. */
  function lose(): void {
    lost++;
    lastLost = seq;
    if (stopped !== undefined || isLosing) return;
    isLosing = true;
    const text =
      `The disk of the journal in ${folder} is too slow: ${group.bytes} bytes wait for ` +
      "it, and messages are not kept until there is room";
    log.error(text);
    // Who is told may have something to append: not in the middle of a message.
    queueMicrotask(() => onAlarm("losing", text));
  }

  /** What waits is written soon; at once if it is much. */
  function pauseMs(): number {
    return group.bytes > much ? 0 : fsyncMs;
  }

  const writer = createGroupWriter({
    write: writeGroup,
    sync,
    synced: () => synced,
    stopped: () => stopped,
    pauseMs: () => group.bytes === 0 ? undefined : pauseMs(),
    ackMs,
    retryMs,
  });

  async function* read(
    query: JournalQuery,
    readOptions: Pick<ReadOptions, "signal" | "passed"> = {},
  ): AsyncGenerator<Found> {
    const through = Math.min(query.through ?? Infinity, seq);
    // One write may be under way without the last of them; what cannot be written cannot be read.
    for (let i = 0; i < 2 && (group.bytes > 0 || writer.busy); i++) await writer.now();
    const bounded = { ...query, through };
    for await (const stretch of segments.stretches()) {
      yield* readBlocks(stretch, bounded, {
        ...readOptions,
        damaged: (path, block) => {
          if (saidDamaged.has(path)) return;
          saidDamaged.add(path);
          sayDamaged(`${path} is not as it was written, at byte ${block.offset} or behind`);
        },
      });
    }
  }

  return {
    folder,
    get seq() {
      return seq;
    },
    backlog: {
      get bytes() {
        return group.bytes + onTheirWay;
      },
      limit: bufferBytes,
      get isStopped() {
        return stopped !== undefined;
      },
      onProgress(listener) {
        progress = listener;
      },
    },
    append(text, route, begin = 0, end, tail = NO_TAIL) {
      if (closed) return undefined;
      seq++;
      const bytes = typeof text === "string" ? encoder.encode(text) : text;
      const waited = group.bytes;
      const kept = group.add(seq, clock(), route, bytes, begin, end ?? bytes.length, tail);
      if (kept === undefined) lose();
      // In between it is due already, or is once the write that is under way has ended.
      if (waited === 0 || (waited <= much && group.bytes > much)) {
        writer.soon(stopped !== undefined ? retryMs : pauseMs());
      }
      return kept;
    },
    synced(since = seq) {
      if (lastLost > 0 && lastLost >= since) {
        const text = stopped ??
          `Cannot keep the message: ${group.bytes} bytes wait for the disk already`;
        return Promise.reject(new Error(text));
      }
      return writer.safe(seq);
    },
    read,
    stats: () => ({
      seq,
      synced,
      segments: segments.count,
      bytes: segments.bytes,
      waiting: group.bytes + onTheirWay,
      lag: group.since === undefined ? 0 : Math.max(0, clock() - group.since) / 1000,
      lost,
      damaged,
      ...(stopped === undefined ? {} : { stopped }),
    }),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await writer.close();
      if (group.bytes > 0) await writer.now();
      await segments.close();
      writer.giveUp(new Error("Cannot wait: the journal is closed"));
      lock.close();
    },
  };
}
