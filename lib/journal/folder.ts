// A journal's files read as they are: nothing is repaired, no lock is taken, a hub may be writing.

import type { Block } from "./block.ts";
import { readBlocks } from "./read.ts";
import type { Readable } from "./page.ts";
import { listSegments, readIndex } from "./segment.ts";

/** Stands for all that the index does not tell yet: it may hold anything. */
function unknownBlock(offset: number, bytes: number): Block {
  const names = { from: undefined, to: undefined, cmd: undefined, topic: undefined };
  return {
    offset,
    bytes,
    count: 1,
    firstSeq: 0,
    lastSeq: Infinity,
    minAt: -Infinity,
    maxAt: Infinity,
    sum: NaN,
    names,
  };
}

/**
 * Opens the files of a journal for reading.
 *
 * @throws {Error} `Cannot read the journal …` if there is no such folder, or no journal in it.
 */
export async function openJournalFolder(folder: string): Promise<Readable> {
  const list = async () => {
    try {
      return await listSegments(folder);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot read the journal in ${folder}: ${why}`, { cause: error });
    }
  };
  if ((await list()).length === 0) {
    throw new Error(`Cannot read the journal in ${folder}: no NUMBER.ndjson is there`);
  }
  return {
    async *read(query, options = {}) {
      for (const { path, size } of await list()) {
        const indexed = await readIndex(path, size);
        const end = indexed.reduce((sum, { bytes }) => sum + bytes, 0);
        const blocks = end < size ? [...indexed, unknownBlock(end, size - end)] : indexed;
        yield* readBlocks({ path, blocks }, query, options);
      }
    },
  };
}
