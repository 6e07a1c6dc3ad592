// The journal: every message that the hub routes, kept in files. Written in groups behind the hub's
// back; what happens to the disk happens to the journal, never to the hub.

import { JOURNAL_BUFFER_BYTES } from "../defaults.ts";
import { type Log, NO_LOG } from "../log.ts";
import { type Block, encodeBlock, type OpenBlock, openBlock } from "./block.ts";
import { appendTo, reasonOf, syncFolder } from "./files.ts";
import { createGroup, type Piece } from "./group.ts";
import { createGroupWriter } from "./group_writer.ts";
import type { Envelope, JournalQuery } from "./query.ts";
import type { Backlog } from "./page.ts";
import { type Found, readBlocks, type ReadOptions } from "./read.ts";
import {
  besides,
  listSegments,
  loadSegment,
  removeSegment,
  type Segment,
  segmentPath,
} from "./segment.ts";

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
  /** Told when the journal stops, goes on, or finds damage; `text` says it all. */
  onAlarm?: (state: JournalAlarm, text: string) => void;
}

/** What a journal tells its owner. */
export type JournalAlarm = "stopped" | "resumed" | "damaged";

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
  /** Keeps a message; returns its number. Never waits, never throws. */
  append(text: string | Uint8Array, envelope: Envelope): number;
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

const LOCK_MS = 1000;
const RETENTION_CHECK_MS = 60_000;

async function hold(folder: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${folder}/lock`, { write: true, create: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), LOCK_MS));
  const got = await Promise.race([file.lock(true), late]);
  clearTimeout(timer);
  if (got !== "late") return file;
  file.close();
  throw new Error(
    `Cannot write a journal in ${folder}: another hub does; give this one its own with --journal FOLDER`,
  );
}

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
  const lock = await hold(folder);
  const encoder = new TextEncoder();
  const group = createGroup(bufferBytes, Math.min(blockBytes, segmentBytes));

  let segments: Segment[] = [];
  let tail: OpenBlock = openBlock(0);
  let file: Deno.FsFile | undefined;
  let seq = 0, written = 0, synced = 0, lost = 0, lastLost = 0, damaged = 0;
  let stopped: string | undefined;
  let closed = false;
  /** Bytes that are being written. */
  let onTheirWay = 0;
  let progress = () => {};
  let lastRetention = clock();
  const saidDamaged = new Set<string>();

  function sayDamaged(text: string): void {
    damaged++;
    log.error(`Journal: ${text}`);
    onAlarm("damaged", text);
  }

  async function load(segment: Segment, verify: boolean): Promise<OpenBlock> {
    const loaded = await loadSegment(segment, { verify, blockBytes });
    if (loaded.repaired !== undefined) sayDamaged(loaded.repaired);
    segment.blocks = loaded.blocks;
    segment.size = loaded.size;
    return loaded.tail;
  }

  async function recover(): Promise<void> {
    segments = await listSegments(folder);
    const last = segments.at(-1);
    if (last === undefined) return;
    seq = last.firstSeq - 1;
    try {
      tail = await load(last, true);
      seq = Math.max(seq, last.blocks?.at(-1)?.lastSeq ?? 0, tail.block().lastSeq);
    } catch (error) {
      // The hub starts anyway: numbers go on well behind any that may be in there.
      seq += Math.ceil(segmentBytes / 16);
      tail = openBlock(0);
      last.blocks = [];
      segments.push({ ...emptySegment(seq + 1) });
      sayDamaged(`${last.path} cannot be read: ${reasonOf(error)}`);
    }
    written = synced = seq;
  }

  function emptySegment(firstSeq: number): Segment {
    const path = segmentPath(folder, firstSeq);
    return { path, firstSeq, size: 0, written: clock(), blocks: [] };
  }

  async function appendIndex(segment: Segment, blocks: readonly Block[]): Promise<void> {
    using index = await Deno.open(besides(segment.path, "index"), { append: true, create: true });
    await appendTo(index, encoder.encode(blocks.map(encodeBlock).join("")));
  }

  async function seal(segment: Segment): Promise<void> {
    if (tail.count > 0) {
      const block = tail.block();
      await appendIndex(segment, [block]);
      segment.blocks?.push(block);
      tail = openBlock(segment.size);
    }
    // Who waits for what is in it is told once the next file is synced, too.
    await file?.syncData();
    file?.close();
    file = undefined;
  }

  /** The segment that a piece of so many bytes goes into, its file open. */
  async function segmentFor(piece: Piece): Promise<Segment> {
    let segment = segments.at(-1);
    if (segment !== undefined && segment.size > 0 && segment.size + piece.length > segmentBytes) {
      await seal(segment);
      segment = undefined;
    }
    if (segment === undefined) {
      segment = emptySegment(piece.summary.block().firstSeq);
      tail = openBlock(0);
      segments.push(segment);
      await retain();
    }
    if (file === undefined) {
      file = await Deno.open(segment.path, { append: true, create: true });
      // The file's name is to survive a power cut, too.
      if (segment.size === 0) await syncFolder(folder);
    }
    return segment;
  }

  async function retain(): Promise<void> {
    lastRetention = clock();
    let bytes = segments.reduce((sum, { size }) => sum + size, 0);
    while (segments.length > 1) {
      const [oldest] = segments;
      if (oldest === undefined) return;
      const tooOld = clock() - oldest.written > retentionSec * 1000;
      // The one that is written now is to have room, too.
      if (!tooOld && bytes + segmentBytes <= retentionBytes) return;
      await removeSegment(oldest);
      segments.shift();
      bytes -= oldest.size;
      log.debug(`Journal: removed ${oldest.path}`);
    }
  }

  async function writePiece(piece: Piece): Promise<void> {
    const segment = await segmentFor(piece);
    if (file === undefined) return;
    const bytes = piece.bytes.subarray(0, piece.length);
    try {
      await appendTo(file, bytes);
    } catch (error) {
      // What was written of it would be a torn line in the middle of the file.
      await file.truncate(segment.size).catch(() => {});
      file.close();
      file = undefined;
      throw error;
    }
    segment.size += bytes.length;
    segment.written = clock();
    tail.join(piece.summary.block());
    tail.extend(bytes);
  }

  async function finishBlock(): Promise<void> {
    const segment = segments.at(-1);
    if (segment === undefined || tail.bytes < blockBytes) return;
    const block = tail.block();
    segment.blocks?.push(block);
    tail = openBlock(segment.size);
    // The index can be made again; that it fails stops nothing.
    await appendIndex(segment, [block]).catch(() => {});
  }

  async function writeGroup(): Promise<void> {
    const since = group.since ?? clock();
    const pieces = group.take();
    let done = 0;
    onTheirWay = pieces.reduce((sum, { length }) => sum + length, 0);
    try {
      for (const piece of pieces) {
        await writePiece(piece);
        written = piece.lastSeq;
        done++;
        onTheirWay -= piece.length;
        group.free(piece);
        progress();
        await finishBlock();
      }
      await file?.syncData();
      synced = written;
      if (stopped !== undefined) {
        const text = `The journal goes on; ${lost} messages were not kept in all`;
        stopped = undefined;
        log.warn(text);
        onAlarm("resumed", text);
      }
      if (clock() - lastRetention > RETENTION_CHECK_MS) await retain();
    } catch (error) {
      onTheirWay = 0;
      group.putBack(pieces.slice(done), since);
      const reason = `Cannot write the journal in ${folder}: ${reasonOf(error)}`;
      if (stopped === undefined) {
        log.error(`${reason}; the hub goes on without it`);
        stopped = reason;
        onAlarm("stopped", `${reason}; the hub goes on without it until there is room`);
      }
      stopped = reason;
      progress();
    }
  }

  /** What waits is written soon; at once if it is much. */
  function pauseMs(): number {
    return group.bytes > bufferBytes / 8 ? 0 : fsyncMs;
  }

  const writer = createGroupWriter({
    write: writeGroup,
    synced: () => synced,
    stopped: () => stopped,
    pauseMs: () => group.bytes === 0 ? undefined : pauseMs(),
    ackMs,
    retryMs,
  });

  /** Stretches of the files as they are now, those that were not looked into yet loaded. */
  async function* stretches(): AsyncGenerator<{ path: string; blocks: readonly Block[] }> {
    const now = [...segments];
    const last = now.at(-1);
    const rest = tail.block();
    const lastBlocks = [...(last?.blocks ?? []), ...(rest.count > 0 ? [rest] : [])];
    for (const segment of now) {
      if (segment === last) {
        yield { path: segment.path, blocks: lastBlocks };
        return;
      }
      if (segment.blocks === undefined) {
        try {
          const open = await load(segment, false);
          const behind = open.block();
          if (behind.count > 0) {
            segment.blocks = [...(segment.blocks ?? []), behind];
            // So that it need not be read again at the next start.
            await appendIndex(segment, [behind]).catch(() => {});
          }
        } catch (error) {
          segment.blocks = [];
          if (!(error instanceof Deno.errors.NotFound)) {
            sayDamaged(`${segment.path} cannot be read: ${reasonOf(error)}`);
          }
        }
      }
      yield { path: segment.path, blocks: segment.blocks ?? [] };
    }
  }

  async function* read(
    query: JournalQuery,
    readOptions: Pick<ReadOptions, "signal" | "passed"> = {},
  ): AsyncGenerator<Found> {
    const through = Math.min(query.through ?? Infinity, seq);
    // One write may be under way without the last of them; what cannot be written cannot be read.
    for (let i = 0; i < 2 && (group.bytes > 0 || writer.busy); i++) await writer.now();
    const bounded = { ...query, through };
    for await (const stretch of stretches()) {
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

  try {
    await recover();
    await retain();
  } catch (error) {
    lock.close();
    throw error;
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
    append(text, envelope) {
      if (closed) return seq;
      seq++;
      if (!group.add(seq, clock(), text, envelope)) {
        lost++;
        lastLost = seq;
      }
      writer.soon(stopped !== undefined ? retryMs : pauseMs());
      return seq;
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
      segments: segments.length,
      bytes: segments.reduce((sum, { size }) => sum + size, 0),
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
      const last = segments.at(-1);
      if (last !== undefined) await seal(last).catch(() => {});
      writer.giveUp(new Error("Cannot wait: the journal is closed"));
      file?.close();
      lock.close();
    },
  };
}
