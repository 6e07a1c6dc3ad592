// A segment: one file of the journal with its index beside it, read back and repaired.
//
// FOLDER/0000000000000001.ndjson     messages and marks, one a line; the name is the first one's number
// FOLDER/0000000000000001.index      what is in it, a block a line; made again if it is lost or wrong
// FOLDER/0000000000000001.torn       what a power cut left of a last line
// FOLDER/0000000000000001.damaged    the file as it was, when lines in the middle of it were no records

import { type Block, encodeBlock, OpenBlock, parseBlock } from "./block.ts";
import { type Checksum, loadChecksum } from "./checksum.ts";
import { reasonOf } from "./files.ts";
import { encodeMark, type Mark, parseLoggedMessage, parseMark } from "./record.ts";

/** One file of the journal. */
export interface Segment {
  /** The file; its index is beside it. */
  readonly path: string;
  readonly firstSeq: number;
  /** Bytes of whole records in it. */
  size: number;
  /** Unix time in milliseconds of its last write, when it was found. */
  readonly modified: number;
  /** When this process wrote to it last, on a clock that nobody sets, in milliseconds; else `undefined`. */
  written: number | undefined;
  /** Its finished blocks; `undefined` until somebody looks for something in it. */
  blocks: Block[] | undefined;
}

/** What {@linkcode loadSegment} found. */
export interface LoadedSegment {
  readonly blocks: Block[];
  /** What is behind the last finished block. */
  readonly tail: OpenBlock;
  readonly size: number;
  /** What had to be done, in words; `undefined`: nothing. */
  readonly repaired: string | undefined;
  /** Lines that were neither messages nor marks, and are in no block any more. */
  readonly badLines: number;
}

const SUFFIX = ".ndjson";
const NEWLINE = 10;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The path of a segment whose first record has this number. */
export function segmentPath(folder: string, firstSeq: number): string {
  return `${folder}/${String(firstSeq).padStart(16, "0")}${SUFFIX}`;
}

/** The path of what stands beside a segment. */
export function besides(path: string, what: "index" | "torn" | "damaged"): string {
  return `${path.slice(0, -SUFFIX.length)}.${what}`;
}

/** The segments of a folder, oldest first; nothing is read of them. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const found: Segment[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    const match = /^(\d{16,})\.ndjson$/.exec(name);
    if (!isFile || match === null) continue;
    const path = `${folder}/${name}`;
    const { size, mtime } = await Deno.stat(path);
    const firstSeq = Number(match[1]);
    const modified = mtime?.getTime() ?? 0;
    found.push({ path, firstSeq, size, modified, written: undefined, blocks: undefined });
  }
  return found.sort((a, b) => a.firstSeq - b.firstSeq);
}

/** The blocks of a segment that its index tells, as far as it can be believed. */
export async function readIndex(path: string, size: number): Promise<Block[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(besides(path, "index"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const blocks: Block[] = [];
  let end = 0, seq = -1;
  for (const line of text.split("\n").slice(0, -1)) {
    const block = parseBlock(line);
    // Only what follows on without a hole is believed.
    if (
      block === undefined || block.offset !== end || block.bytes <= 0 ||
      block.offset + block.bytes > size || block.firstSeq <= seq
    ) break;
    blocks.push(block);
    end += block.bytes;
    seq = block.lastSeq;
  }
  return blocks;
}

interface Scan {
  readonly blocks: Block[];
  readonly tail: OpenBlock;
  /** Stretches of good lines, one behind the other where nothing is bad. */
  readonly good: Uint8Array[];
  readonly badLines: number;
  readonly torn: Uint8Array;
}

/** Reads records line by line, from an offset on, behind those of a block. */
function scan(
  data: Uint8Array,
  from: number,
  behind: Block | undefined,
  blockBytes: number,
  checksum: Checksum,
): Scan {
  const blocks: Block[] = [];
  const good: Uint8Array[] = [];
  let tail = new OpenBlock(from);
  let offset = from, badLines = 0, start = from;
  /** The number of the next message, or less, and its time. */
  let seq = (behind?.lastSeq ?? -1) + 1, at = behind?.maxAt ?? 0;
  /** They are known from a mark, and nothing bad was behind it. */
  let isMarked = false;

  function keep(line: Uint8Array): void {
    good.push(line);
    tail.extend(line, checksum);
    offset += line.length;
  }
  /** Blocks begin with a mark. */
  function mark(next: Mark, line: Uint8Array): void {
    ({ seq, at } = next);
    isMarked = true;
    if (tail.bytes >= blockBytes) {
      blocks.push(tail.block());
      tail = new OpenBlock(offset);
    }
    keep(line);
  }

  for (;;) {
    const end = data.indexOf(NEWLINE, start);
    if (end < 0) break;
    const line = data.subarray(start, end + 1);
    const text = decoder.decode(line.subarray(0, -1));
    start = end + 1;
    const next = parseMark(text);
    if (next !== undefined && next.seq >= seq) {
      mark(next, line);
      continue;
    }
    const message = next === undefined ? parseLoggedMessage(text) : undefined;
    if (message === undefined) {
      badLines++;
      isMarked = false;
      continue;
    }
    if (!isMarked) {
      // Its own mark was bad, or is not there. Its number may be less than it was, never more.
      if (badLines === 0) badLines = 1;
      const own = { seq, at };
      mark(own, encoder.encode(encodeMark(own)));
    }
    tail.add(seq++, at, message);
    keep(line);
  }
  return { blocks, tail, good, badLines, torn: data.subarray(start) };
}

/** Writes a file anew. What could not be written whole takes no room. */
async function writeAndSync(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  try {
    await writeWhole(path, pieces);
  } catch (error) {
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

async function writeWhole(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  for (let done = 0; done < whole.length;) done += await file.write(whole.subarray(done));
  await file.sync();
}

/**
 * Reads what is in a segment: from its index where that can be believed, else from the file. A torn
 * last line is cut off; lines that are no records are taken out, and the file as it was is kept beside.
 *
 * @param options.verify Compare all checksums of the index with the file, too.
 * @throws {Error} If the file cannot be read or repaired.
 */
export async function loadSegment(
  segment: Pick<Segment, "path" | "firstSeq">,
  options: { verify: boolean; blockBytes: number },
): Promise<LoadedSegment> {
  const { path } = segment;
  const { verify, blockBytes } = options;
  const { size } = await Deno.stat(path);
  let indexed = await readIndex(path, size);
  const endOf = (blocks: readonly Block[]) => {
    const last = blocks.at(-1);
    return last === undefined ? 0 : last.offset + last.bytes;
  };
  const count = indexed.length;
  if (!verify && endOf(indexed) === size) {
    return { blocks: indexed, tail: new OpenBlock(size), size, repaired: undefined, badLines: 0 };
  }
  const data = await Deno.readFile(path);
  const checksum = await loadChecksum();
  const wrong = verify
    ? indexed.findIndex((b) => checksum(data.subarray(b.offset, b.offset + b.bytes)) !== b.sum)
    : -1;
  if (wrong >= 0) indexed = indexed.slice(0, wrong);
  const from = endOf(indexed);
  const found = scan(data, from, indexed.at(-1), blockBytes, checksum);
  const blocks = [...indexed, ...found.blocks];
  const whole = from + found.good.reduce((sum, line) => sum + line.length, 0);
  const said: string[] = [];
  if (wrong >= 0 || found.badLines > 0) {
    const damaged = besides(path, "damaged");
    // If there is no room for the new one, the old one stays where it is.
    await writeAndSync(`${path}.new`, [data.subarray(0, from), ...found.good]);
    await Deno.rename(path, damaged);
    await Deno.rename(`${path}.new`, path);
    said.push(
      found.badLines > 0
        ? `${found.badLines} lines in it were damaged and are left out; as it was, it is ${damaged}`
        : `a checksum in it is wrong; as it was, it is ${damaged}`,
    );
  }
  if (found.torn.length > 0) {
    const torn = besides(path, "torn");
    // It was never safe; that a full disk cannot keep it is no reason to be without the rest.
    const kept = await writeAndSync(torn, [found.torn]).then(() => `kept in ${torn}`, (error) => {
      return `could not be kept: ${reasonOf(error)}`;
    });
    if (said.length === 0) await Deno.truncate(path, whole);
    said.push(`its last line was torn; it is cut off, and ${kept}`);
  }
  if (wrong >= 0 || found.blocks.length > 0 || said.length > 0 || indexed.length < count) {
    const index = blocks.map(encodeBlock).join("");
    // It can be made again: that it fails stops nothing.
    await writeAndSync(besides(path, "index"), [encoder.encode(index)]).catch(() => {});
  }
  return {
    blocks,
    tail: found.tail,
    size: whole,
    repaired: said.length === 0 ? undefined : `${path}: ${said.join("; ")}`,
    badLines: found.badLines,
  };
}

/** Removes a segment and its index. */
export async function removeSegment({ path }: Pick<Segment, "path">): Promise<void> {
  for (const file of [path, besides(path, "index")]) {
    try {
      await Deno.remove(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
