// The last lines of a log, read from the end of its file: nobody has to have read it before.

/** Most that is read for one look, in bytes. */
const TAIL_BYTES = 64 * 1024;
const NEWLINE = 10;
/** Longer lines are cut, in characters. */
const LINE_CHARS = 1000;

function readPart(path: string, from: number, most: number, upTo: number): Uint8Array {
  using file = Deno.openSync(path);
  const size = Math.min(file.statSync().size, upTo);
  const start = Math.max(from, size - most);
  if (size <= start) return new Uint8Array();
  file.seekSync(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size - start);
  let done = 0;
  while (done < bytes.length) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

function part(path: string, from: number, most: number, upTo = Infinity): Uint8Array {
  try {
    return readPart(path, from, most, upTo);
  } catch {
    return new Uint8Array(); // not there, or just moved aside
  }
}

/** Text to lines, without an empty one at the end; long ones are cut. */
export function toLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => line.replace(/\r$/, "").slice(0, LINE_CHARS));
}

/**
 * The last lines of a log file, oldest first; nothing if it cannot be read. Only what stands behind
 * the byte `from` counts, which is negative if it is in `PATH.1`, moved aside since, and before the byte
 * `upTo`. Default: all.
 */
export function lastLines(
  path: string,
  count: number,
  from = -Infinity,
  upTo = Infinity,
): string[] {
  let bytes = part(path, Math.max(0, from), TAIL_BYTES, upTo);
  const lines = () => toLines(new TextDecoder().decode(bytes));
  if (from < 0 && bytes.length < TAIL_BYTES && lines().length <= count) {
    const before = part(`${path}.1`, 0, Math.min(-from, TAIL_BYTES - bytes.length));
    const both = new Uint8Array(before.length + bytes.length);
    both.set(before);
    both.set(bytes, before.length);
    bytes = both;
  }
  return count === 0 ? [] : lines().slice(-count);
}

/** Where the last line of a file begins that is not complete; its end if all are, or that one is very long. */
export function lastLineStart(path: string): number {
  const size = sizeOf(path);
  const bytes = part(path, 0, TAIL_BYTES, size);
  const after = bytes.length - 1 - bytes.lastIndexOf(NEWLINE);
  return after < bytes.length
    ? size - after
    : bytes.length < TAIL_BYTES
    ? size - bytes.length
    : size;
}

/** The size of a file in bytes; 0 if there is none. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
