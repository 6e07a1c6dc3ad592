// The file of a ledger: lines of JSON, each with a checksum. A line that a disk has changed may still be
// JSON, and would then be a wrong value or somebody else's mail.

import { type Checksum, loadChecksum } from "./checksum.ts";
import { reasonOf } from "./files.ts";

const NEWLINE = 10;
const encoder = new TextEncoder();

const SUM_BEGINS = '{"sum":"';
/** What stands before the rest of a line: the sum in eight digits. */
const SUM_LENGTH = `${SUM_BEGINS}00000000",`.length;

/** So many characters more than by itself a line has in the file, with its sum and its newline. */
export const MORE_IN_FILE = SUM_LENGTH;

/** A line as it is in the file, with its newline: its checksum is its first field, so that it is still JSON. */
function withSum(line: string, checksum: Checksum): string {
  const sum = checksum(encoder.encode(line)).toString(16).padStart(8, "0");
  return `${SUM_BEGINS}${sum}",${line.slice(1)}\n`;
}

/** So much is put together at once, in characters: a millisecond or two. */
const SLICE = 1 << 18;

/** Lines as they are in the file, slice by slice, to be written one after the other. */
export async function* slicesOf(lines: Iterable<string>): AsyncGenerator<Uint8Array, void, void> {
  const checksum = await loadChecksum();
  let text = "";
  for (const line of lines) {
    text += withSum(line, checksum);
    if (text.length < SLICE) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

/** The line without its checksum; `undefined` if it is not as it was written. */
function withoutSum(text: string, checksum: Checksum): string | undefined {
  const line = `{${text.slice(SUM_LENGTH)}`;
  return withSum(line, checksum) === `${text}\n` ? line : undefined;
}

/**
 * The whole lines of the file, without those that are damaged; and what there was to say of it. A torn
 * last line is cut off.
 *
 * @throws {Error} `Cannot read …`.
 */
export async function readLines(
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
  const checksum = all.length === 0 ? undefined : await loadChecksum();
  const lines = all.map((text) => checksum && withoutSum(text, checksum)).filter((line) =>
    line !== undefined
  );
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
