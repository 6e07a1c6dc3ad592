// The file of a ledger: lines of JSON, each with a checksum. A line that a disk has changed may still be
// JSON, and would then be a wrong value or somebody else's mail.

import { checksumOf } from "./checksum.ts";
import { reasonOf } from "./files.ts";

const NEWLINE = 10;
const encoder = new TextEncoder();

const SUM_BEGINS = '{"sum":"';
/** What stands before the rest of a line: the sum in eight digits. */
const SUM_LENGTH = `${SUM_BEGINS}00000000",`.length;

/** A line as it is in the file, with its newline: its checksum is its first field, so that it is still JSON. */
export function withSum(line: string): string {
  const sum = checksumOf(encoder.encode(line)).toString(16).padStart(8, "0");
  return `${SUM_BEGINS}${sum}",${line.slice(1)}\n`;
}

/** The line without its checksum; `undefined` if it is not as it was written. */
function withoutSum(text: string): string | undefined {
  const line = `{${text.slice(SUM_LENGTH)}`;
  return withSum(line) === `${text}\n` ? line : undefined;
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
