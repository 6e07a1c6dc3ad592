// What a controller must find again after it was killed, or the computer lost its power: one file a
// program, written whole or not at all, and a lock that says who is in charge.

/** A second controller for one experiment is refused. */
export class LockedError extends Error {
  override name = "LockedError";
}

/** What was found where a program's state should be. `torn`: somebody wrote it, nobody can read it. */
export type Found =
  | { readonly kind: "absent" }
  | { readonly kind: "torn"; readonly reason: string }
  | { readonly kind: "record"; readonly record: unknown };

/** The folder of one experiment's state, held by one process at a time. */
export interface StateFolder extends Disposable {
  readonly path: string;
  /** The names of programs of which there is something. */
  names(): string[];
  load(name: string): Found;
  /**
   * Replaces what is kept of a program.
   *
   * @param isLasting See {@linkcode writeWhole}. Default: true.
   * @throws {Error} If it cannot be written; what was kept before is still there then.
   */
  save(name: string, record: unknown, isLasting?: boolean): void;
  forget(name: string): void;
  /**
   * To be called about once a second: makes the folder and its lock again if somebody removed them,
   * and writes down what could not be written, as while the disk was full.
   *
   * @returns What is the case. `remade`: all of it was gone, and is there again.
   */
  mend(): Mended;
}

/** How it is about what is kept. */
export type Mended =
  | { readonly kind: "well" | "remade" }
  | { readonly kind: "problem"; readonly text: string };

/** How long a lock may take that is free, in milliseconds: a killed process frees it with its end. */
const LOCK_MS = 2000;
const SUFFIX = ".json";

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** CRC-32 as in zip and PNG, in hexadecimal. */
function checksum(text: string): string {
  let crc = 0xffffffff;
  const bytes = new TextEncoder().encode(text);
  // By index, which takes a third of the time of an iterator: a record may have 800 kB.
  for (let i = 0; i < bytes.length; i++) {
    crc = (CRC_TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

/** A record as it lies on the disk: its checksum, a blank, JSON, a newline. */
export function encodeRecord(record: unknown): string {
  const text = JSON.stringify(record);
  return `${checksum(text)} ${text}\n`;
}

/** The opposite of {@linkcode encodeRecord}. */
export function decodeRecord(text: string): Found {
  const blank = text.indexOf(" ");
  const body = text.slice(blank + 1).replace(/\n$/, "");
  if (blank !== 8 || !text.endsWith("\n") || text.slice(0, 8) !== checksum(body)) {
    return { kind: "torn", reason: `its checksum is wrong (${text.length} characters)` };
  }
  const record: unknown = JSON.parse(body);
  return { kind: "record", record };
}

/**
 * Replaces a file: if this process is killed, the old or the new content is there, never a part.
 *
 * @param isLasting Whether it is also to be there after a power cut as soon as this returns. Else
 * the old, the new or none of both may be there then, which the checksum tells apart. It costs the
 * disk's own time, some 10 ms of a disk that turns.
 * @throws {Error} If it cannot be written; what was there is still there then.
 */
export function writeWhole(path: string, text: string, isLasting = true): void {
  const temporary = `${path}.new`;
  const bytes = new TextEncoder().encode(text);
  try {
    using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    if (isLasting) file.syncSync();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write ${path}: ${why}`, { cause: error });
  }
  Deno.renameSync(temporary, path);
  if (!isLasting || Deno.build.os === "windows") return;
  // That it has this name now is written in the folder, which is another thing on the disk.
  using folder = Deno.openSync(path.slice(0, path.lastIndexOf("/")) || "/");
  folder.syncSync();
}

function readOr(path: string, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path).trim() || otherwise;
  } catch {
    return otherwise;
  }
}

async function lock(path: string, owner: string): Promise<Deno.FsFile> {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot write to the experiment's state: ${why}`, { cause: error });
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), LOCK_MS));
  const locked = await Promise.race([file.lock(true).then(() => true), late]);
  clearTimeout(timer);
  if (!locked) {
    throw new LockedError(
      `Cannot control this experiment: ${readOr(path, "another process")} does already; ` +
        `stop that one first, or look at it and tell it what to do ("abcd status --watch")`,
    );
  }
  file.truncateSync();
  const bytes = new TextEncoder().encode(`${owner}\n`);
  try {
    file.writeSync(bytes);
  } catch {
    // A full disk: the lock holds all the same, only the next one's refusal has no name.
  }
  return file;
}

/**
 * Opens the folder and takes its lock, which goes with the process, however it ends.
 *
 * @param owner Says in the refusal of a second one who is in charge: "pid 4711 (lab.jsonc)".
 * @throws {LockedError} If another process holds it.
 */
export async function openStateFolder(path: string, owner: string): Promise<StateFolder> {
  const programs = `${path}/programs`;
  Deno.mkdirSync(programs, { recursive: true });
  const lockPath = `${path}/lock`;
  let held = await lock(lockPath, owner);
  let closed = false;
  /** What is to be in each file, and of which files it is not. */
  const wanted = new Map<string, { readonly record: unknown; readonly isLasting?: boolean }>();
  const unwritten = new Set<string>();

  function write(name: string): void {
    const { record, isLasting } = wanted.get(name) ?? {};
    unwritten.add(name);
    writeWhole(`${programs}/${name}${SUFFIX}`, encodeRecord(record), isLasting);
    unwritten.delete(name);
  }

  /** Whether the lock is still what a second controller would find. */
  function isThere(): boolean {
    try {
      const [ours, found] = [held.statSync(), Deno.statSync(lockPath)];
      return ours.ino === found.ino && ours.dev === found.dev;
    } catch (error) {
      // On a disk that does not answer, or may not be read, it stands where it stood.
      return !(error instanceof Deno.errors.NotFound);
    }
  }

  /** Makes all of it again; the new lock is nobody's yet, or the folder has another controller. */
  function remake(): void {
    Deno.mkdirSync(programs, { recursive: true });
    const file = Deno.openSync(lockPath, { read: true, write: true, createNew: true });
    // Nobody waits: it was made a moment ago, by this process.
    file.lockSync(true);
    held.close();
    held = file;
    for (const name of wanted.keys()) unwritten.add(name);
    try {
      file.writeSync(new TextEncoder().encode(`${owner}\n`));
    } catch {
      // A full disk: as above.
    }
  }

  return {
    path,
    mend() {
      const isGone = !closed && !isThere();
      try {
        if (isGone) remake();
        for (const name of unwritten) write(name);
        return { kind: isGone ? "remade" : "well" };
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) {
          const holder = readOr(lockPath, "another process");
          return { kind: "problem", text: `${path} was removed, and ${holder} has it now` };
        }
        const text = error instanceof Error ? error.message : String(error);
        return { kind: "problem", text };
      }
    },
    names: () =>
      [...Deno.readDirSync(programs)].filter(({ name }) => name.endsWith(SUFFIX))
        .map(({ name }) => name.slice(0, -SUFFIX.length)).sort(),
    load(name) {
      let text: string;
      try {
        text = Deno.readTextFileSync(`${programs}/${name}${SUFFIX}`);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
        return { kind: "torn", reason: error instanceof Error ? error.message : String(error) };
      }
      return decodeRecord(text);
    },
    save(name, record, isLasting) {
      wanted.set(name, { record, isLasting });
      write(name);
    },
    forget(name) {
      wanted.delete(name);
      unwritten.delete(name);
      try {
        Deno.removeSync(`${programs}/${name}${SUFFIX}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
    [Symbol.dispose]() {
      if (!closed) held.close();
      closed = true;
    },
  };
}
