// Moves the front of a log aside while somebody writes at its end: FILE, FILE.1 (newer), FILE.2 …
//
// The writer keeps its descriptor, opened for appending, and knows nothing of it. Complete blocks at
// the front are copied and then cut out of the file by `fallocate --collapse-range`, which the
// kernel does in one step: no byte is lost, none is there twice, also if this process is killed at
// any moment. ext4 and xfs can do that. Elsewhere the file is copied and emptied, and what is written
// in between, for some microseconds, is lost.

/** Options of {@linkcode rotateLog}. */
export interface RotationOptions {
  readonly path: string;
  /** Size above which the front is moved aside, in bytes; files moved aside have it, in full blocks. */
  readonly maxBytes: number;
  /** How many files are kept beside the one that is written. 0: none. */
  readonly backups: number;
  /** Whether blocks can be cut out there; see {@linkcode canCollapse}. */
  readonly collapse: boolean;
}

/** Blocks of the file systems in question; a file system with larger ones says so. */
const BLOCK_BYTES = 4096;
const PIECE_BYTES = 1024 * 1024;

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Cuts bytes out of the front of a file; both must be full blocks, and something must be left. */
async function cutFront(path: string, bytes: number): Promise<void> {
  const { success, stderr } = await new Deno.Command("fallocate", {
    args: ["--collapse-range", "--offset", "0", "--length", String(bytes), path],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    // A Ctrl-C is for the controller alone.
    detached: true,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

/**
 * Whether the front of a file can be cut off in this folder: tries it.
 *
 * @throws {Error} If nothing can be written there now, such as on a full disk: that says nothing.
 */
export async function canCollapse(folder: string): Promise<boolean> {
  const path = `${folder}/.collapse-${crypto.randomUUID()}`;
  try {
    Deno.writeFileSync(path, new Uint8Array(3 * BLOCK_BYTES));
    return await cutFront(path, BLOCK_BYTES).then(() => true, () => false);
  } finally {
    removeIfThere(path);
  }
}

async function copyFront(from: string, to: string, bytes: number): Promise<void> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, { write: true, create: true, truncate: true });
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let done = 0; done < bytes;) {
    const count = await source.read(buffer.subarray(0, Math.min(PIECE_BYTES, bytes - done)));
    if (count === null) throw new Error(`Cannot copy ${from}: it became shorter`);
    for (let written = 0; written < count;) {
      written += await target.write(buffer.subarray(written, count));
    }
    done += count;
  }
}

/** Makes FILE.1 free. Begins at the first gap, so it can be done again after it was interrupted. */
function shift(path: string, backups: number): void {
  let gap = 1;
  while (gap < backups && sizeOf(`${path}.${gap}`) !== undefined) gap++;
  for (let i = gap; i > 1; i--) Deno.renameSync(`${path}.${i - 1}`, `${path}.${i}`);
}

function frontText(path: string, bytes: number): string {
  using file = Deno.openSync(path);
  const buffer = new Uint8Array(bytes);
  const count = file.readSync(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, count));
}

/** Finishes what a controller that was killed had begun. Returns the bytes it cut off. */
async function finishOld({ path, backups }: RotationOptions): Promise<number> {
  let mark: string;
  try {
    mark = Deno.readTextFileSync(`${path}.mark`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    removeIfThere(`${path}.next`);
    return 0;
  }
  const bytes = Number(mark.split(" ")[1]);
  let cut = 0;
  if (mark !== "" && frontText(path, mark.length) === mark) {
    if (sizeOf(`${path}.next`) !== undefined) {
      shift(path, backups);
      Deno.renameSync(`${path}.next`, `${path}.1`);
    }
    await cutFront(path, bytes);
    cut = bytes;
  } else removeIfThere(`${path}.next`);
  removeIfThere(`${path}.mark`);
  return cut;
}

/** Moves one file's worth aside. */
async function moveAside(options: RotationOptions, bytes: number): Promise<void> {
  const { path, backups } = options;
  await copyFront(path, `${path}.next`, bytes);
  // The file's own first bytes say whether they have been cut off: nothing else could tell after a
  // crash, as one part of a log may look like any other.
  const mark = `${crypto.randomUUID()} ${bytes} \n`;
  Deno.writeTextFileSync(`${path}.mark.new`, mark);
  Deno.renameSync(`${path}.mark.new`, `${path}.mark`);
  {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new TextEncoder().encode(mark));
  }
  shift(path, backups);
  Deno.renameSync(`${path}.next`, `${path}.1`);
  await cutFront(path, bytes);
  removeIfThere(`${path}.mark`);
}

/** Copies all of it and empties it. The last piece and the emptying are one step of this process. */
async function copyAndEmpty({ path, backups }: RotationOptions): Promise<number> {
  const size = sizeOf(path) ?? 0;
  let copied = size;
  if (backups > 0) {
    await copyFront(path, `${path}.next`, size);
    shift(path, backups);
    using source = Deno.openSync(path);
    using target = Deno.openSync(`${path}.next`, { append: true });
    source.seekSync(size, Deno.SeekMode.Start);
    const buffer = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const count = source.readSync(buffer);
      if (count === null) break;
      for (let written = 0; written < count;) {
        written += target.writeSync(buffer.subarray(written, count));
      }
      copied += count;
    }
    Deno.truncateSync(path);
    Deno.renameSync(`${path}.next`, `${path}.1`);
  } else Deno.truncateSync(path);
  return copied;
}

/**
 * Moves the front of a log aside until the rest is not larger than `maxBytes`. One at a time for a
 * file. Returns how many bytes went from its front.
 *
 * @throws {Error} With the operating system's reason, such as a full disk; nothing is lost then, and
 * the next call goes on.
 */
export async function rotateLog(options: RotationOptions): Promise<number> {
  const { path, maxBytes, backups } = options;
  if (!options.collapse) {
    return (sizeOf(path) ?? 0) > maxBytes ? await copyAndEmpty(options) : 0;
  }
  let gone = await finishOld(options);
  const block = Math.max(BLOCK_BYTES, Deno.statSync(path).blksize ?? 0);
  const full = Math.max(1, Math.floor(maxBytes / block)) * block;
  for (;;) {
    const size = sizeOf(path) ?? 0;
    if (size <= Math.max(full, maxBytes)) return gone;
    // What the backups could not hold anyway need not be copied.
    const excess = Math.floor((size - 1) / full) - backups;
    if (excess > 0) await cutFront(path, excess * full);
    else await moveAside(options, full);
    gone += excess > 0 ? excess * full : full;
  }
}
