// Reading: from block to block, of those that may hold what is asked for.

import type { Block } from "./block.ts";
import { loadChecksum } from "./checksum.ts";
import { isWithin, type JournalQuery, matches, mayHold, textTest } from "./query.ts";
import { type JournalRecord, parseLoggedMessage, parseMark } from "./record.ts";

/** A record that was found, with its message's line (no newline). */
export interface Found {
  readonly record: JournalRecord;
  readonly line: string;
}

/** A file and those of its blocks that are to be looked through. */
export interface Stretch {
  readonly path: string;
  readonly blocks: readonly Block[];
}

/** Options of {@linkcode readBlocks}. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Called with the number of each block that was looked through, before the next one is. */
  readonly passed?: (lastSeq: number) => void;
  /** Called when a block is not as it was written; the records in it that can be read are given. */
  readonly damaged?: (path: string, block: Block) => void;
}

const decoder = new TextDecoder();

async function readAt(file: Deno.FsFile, { offset, bytes }: Block): Promise<Uint8Array> {
  const data = new Uint8Array(bytes);
  await file.seek(offset, Deno.SeekMode.Start);
  let done = 0;
  while (done < bytes) {
    const count = await file.read(data.subarray(done));
    if (count === null) break;
    done += count;
  }
  return data.subarray(0, done);
}

/** The records of one file that are wanted, in order. A file that is gone holds none. */
export async function* readBlocks(
  { path, blocks }: Stretch,
  query: JournalQuery,
  options: ReadOptions = {},
): AsyncGenerator<Found> {
  const { signal, passed, damaged } = options;
  const wanted = blocks.filter((block) => mayHold(query, block));
  if (wanted.length === 0) return;
  const mayMatch = textTest(query);
  const checksum = await loadChecksum();
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // too old meanwhile
    throw error;
  }
  try {
    for (const block of wanted) {
      signal?.throwIfAborted();
      const data = await readAt(file, block);
      if (data.length < block.bytes || checksum(data) !== block.sum) damaged?.(path, block);
      let { firstSeq: seq, minAt: at } = block;
      for (const line of decoder.decode(data).split("\n")) {
        const mark = parseMark(line);
        if (mark !== undefined) ({ seq, at } = mark);
        else if (line !== "") {
          const own = seq++;
          // To read a line as JSON takes far longer than all else.
          if (!isWithin(query, own, at) || !mayMatch(line)) continue;
          const message = parseLoggedMessage(line);
          if (message === undefined) continue;
          const record = { seq: own, at, message };
          if (matches(query, record)) yield { record, line };
        }
      }
      passed?.(block.lastSeq);
    }
  } finally {
    file.close();
  }
}
