// The files of a journal: segments of records, the last of which is written to, found again after a
// crash, and removed when they are old. What is written when is the journal's affair.

import type { Log } from "../log_contract.ts";
import { loadChecksum } from "./checksum.ts";
import { type Block, encodeBlock, OpenBlock } from "./block.ts";
import { appendTo, checkPlace, FileGoneError, reasonOf, syncFolder } from "./files.ts";
import type { Piece } from "./group.ts";
import { createRetention } from "./retention.ts";
import {
  besides,
  listSegments,
  loadSegment,
  removeSegment,
  type Segment,
  segmentPath,
} from "./segment.ts";

/** Options of {@linkcode openSegments}; see `JournalOptions`. */
export interface SegmentsOptions {
  readonly folder: string;
  readonly clock: () => number;
  /** A clock that nobody sets, in milliseconds. Default: this process' own. */
  readonly steady?: () => number;
  readonly retentionSec: number;
  readonly retentionBytes: number;
  readonly segmentBytes: number;
  readonly blockBytes: number;
  readonly log: Log;
  /** Told what is not as it was written, in words. */
  readonly damaged: (text: string) => void;
}

/** The files of a journal. One thing at a time is written. */
export interface Segments {
  /** Number of the last record that was found. */
  readonly lastFound: number;
  /** How many files there are. */
  readonly count: number;
  /** Bytes of all files but the indexes. */
  readonly bytes: number;
  /**
   * Writes records behind the last.
   *
   * @throws {Error} If the disk is full, say; then nothing of them is in the file.
   */
  write(piece: Piece): Promise<void>;
  /**
   * Makes safe what was written before the call. More may be written meanwhile.
   *
   * @throws {Error} If that cannot be.
   */
  sync(): Promise<void>;
  /** Stretches of the files as they are now, those that were not looked into yet loaded. */
  stretches(): AsyncGenerator<{ path: string; blocks: readonly Block[] }>;
  /** Finishes the last file. Never throws. */
  close(): Promise<void>;
}

const encoder = new TextEncoder();

/**
 * Opens the files in a folder, which is held already, and repairs what a crash left.
 *
 * @throws {Error} If the folder cannot be read.
 */
export async function openSegments(options: SegmentsOptions): Promise<Segments> {
  const { folder, clock, segmentBytes, blockBytes, log } = options;
  const { steady = () => performance.now() } = options;
  const retention = createRetention({ ...options, steady });
  let segments: Segment[] = [];
  let tail = new OpenBlock(0);
  let file: Deno.FsFile | undefined;
  /** Where that is, and what it said of itself when it was opened. */
  let place: { readonly path: string; readonly about: Deno.FileInfo } | undefined;
  /** Somebody has removed the files. */
  let isGone = false;
  /** Files that nothing more is written to, until they are safe. */
  let finished: Deno.FsFile[] = [];
  /** The name of a file is not safe yet. */
  let hasNewFile = false;
  /** Lines that the indexes lack yet: they are written together, behind what they describe. */
  let unindexed: { readonly path: string; readonly block: Block }[] = [];
  let lastFound = 0;

  async function load(segment: Segment, verify: boolean): Promise<OpenBlock> {
    const loaded = await loadSegment(segment, { verify, blockBytes });
    if (loaded.repaired !== undefined) options.damaged(loaded.repaired);
    segment.blocks = loaded.blocks;
    segment.size = loaded.size;
    return loaded.tail;
  }

  async function recover(): Promise<void> {
    segments = await listSegments(folder);
    const last = segments.at(-1);
    if (last === undefined) return;
    lastFound = last.firstSeq - 1;
    try {
      tail = await load(last, true);
      lastFound = Math.max(lastFound, last.blocks?.at(-1)?.lastSeq ?? 0, tail.lastSeq);
    } catch (error) {
      // The hub starts anyway: numbers go on well behind any that may be in there.
      lastFound += Math.ceil(segmentBytes / 16);
      tail = new OpenBlock(0);
      last.blocks = [];
      segments.push({ ...emptySegment(lastFound + 1) });
      options.damaged(`${last.path} cannot be read: ${reasonOf(error)}`);
    }
  }

  function emptySegment(firstSeq: number): Segment {
    const path = segmentPath(folder, firstSeq);
    return { path, firstSeq, size: 0, modified: clock(), written: steady(), blocks: [] };
  }

  /** Writes what the indexes lack; they can be made again, so that it fails stops nothing. */
  async function index(): Promise<void> {
    const lines = unindexed;
    unindexed = [];
    for (const path of new Set(lines.map((line) => line.path))) {
      if (!segments.some((segment) => segment.path === path)) continue; // it is gone
      try {
        using file = await Deno.open(besides(path, "index"), { append: true, create: true });
        const own = lines.filter((line) => line.path === path);
        await appendTo(file, encoder.encode(own.map(({ block }) => encodeBlock(block)).join("")));
      } catch {
        // Behind a hole an index is not believed.
      }
    }
  }

  function finishBlock(segment: Segment): void {
    if (tail.count === 0) return;
    const block = tail.block();
    segment.blocks?.push(block);
    unindexed.push({ path: segment.path, block });
    tail = new OpenBlock(segment.size);
  }

  /** Nothing more is written to the file that is open. */
  function leaveFile(): void {
    if (file !== undefined) finished.push(file);
    file = place = undefined;
  }

  /** Begins anew, beside those files that are still there. */
  async function beginAnew(): Promise<void> {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const there = new Set((await listSegments(folder)).map(({ path }) => path));
    const last = segments.at(-1);
    segments = segments.filter((one) => one !== last && there.has(one.path));
    leaveFile();
    tail = new OpenBlock(0);
    isGone = false;
  }

  function seal(segment: Segment): void {
    finishBlock(segment);
    leaveFile();
  }

  async function sync(): Promise<void> {
    const left = finished;
    finished = [];
    const isNew = hasNewFile;
    hasNewFile = false;
    const now = place;
    try {
      for (const one of left) await one.syncData();
      await file?.syncData();
      if (now !== undefined) await checkPlace(now.path, now.about);
      // A file's name is to survive a power cut, too.
      if (isNew) await syncFolder(folder);
    } catch (error) {
      finished = [...left, ...finished];
      hasNewFile ||= isNew;
      isGone ||= error instanceof FileGoneError;
      throw error;
    }
    for (const one of left) one.close();
    await index();
  }

  /** The segment that a piece of so many bytes goes into, its file open. */
  async function segmentFor(piece: Piece): Promise<Segment> {
    let segment = isGone ? undefined : segments.at(-1);
    if (isGone) await beginAnew();
    if (segment !== undefined && segment.size > 0 && segment.size + piece.length > segmentBytes) {
      seal(segment);
      segment = undefined;
    }
    if (segment === undefined) {
      segment = emptySegment(piece.firstSeq);
      tail = new OpenBlock(0);
      segments.push(segment);
      await retain();
    }
    if (file === undefined) {
      file = await Deno.open(segment.path, { append: true, create: true });
      place = { path: segment.path, about: await file.stat() };
      if (segment.size === 0) hasNewFile = true;
      else if (place.about.size < segment.size) {
        isGone = true;
        throw new FileGoneError(`somebody has removed or emptied ${segment.path}`);
      }
    }
    return segment;
  }

  async function retain(): Promise<void> {
    for (const old of retention.outdated(segments)) {
      await removeSegment(old);
      segments.shift();
      log.debug(`Journal: removed ${old.path}`);
    }
  }

  async function writePiece(piece: Piece): Promise<void> {
    const segment = await segmentFor(piece);
    if (file === undefined) return;
    const checksum = await loadChecksum();
    piece.sumUp(checksum);
    const bytes = piece.bytes.subarray(0, piece.length);
    try {
      await appendTo(file, bytes);
    } catch (error) {
      // What was written of it would be a torn line in the middle of the file.
      await file.truncate(segment.size).catch(() => {});
      leaveFile();
      throw error;
    }
    // Known since it began: it is written again, to where it is found.
    if (isGone) throw new FileGoneError(`somebody has removed or moved ${segment.path}`);
    segment.size += bytes.length;
    segment.written = steady();
    tail.join(piece);
    tail.extendBy(bytes, piece.sum, checksum);
  }

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
            unindexed.push({ path: segment.path, block: behind });
            await index();
          }
        } catch (error) {
          segment.blocks = [];
          if (!(error instanceof Deno.errors.NotFound)) {
            options.damaged(`${segment.path} cannot be read: ${reasonOf(error)}`);
          }
        }
      }
      yield { path: segment.path, blocks: segment.blocks ?? [] };
    }
  }

  await recover();
  await retain();
  return {
    lastFound,
    get count() {
      return segments.length;
    },
    get bytes() {
      return segments.reduce((sum, { size }) => sum + size, 0);
    },
    async write(piece) {
      const last = segments.at(-1);
      // A large one is a block of its own.
      if (last !== undefined && piece.length >= blockBytes) finishBlock(last);
      await writePiece(piece);
      const now = segments.at(-1);
      if (now !== undefined && tail.bytes >= blockBytes) finishBlock(now);
      if (retention.isDue) await retain();
    },
    sync,
    stretches,
    async close() {
      const last = segments.at(-1);
      if (last !== undefined) seal(last);
      await sync().catch(() => {});
      for (const one of finished) one.close();
    },
  };
}
