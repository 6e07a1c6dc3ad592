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
}

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
  for (const byte of new TextEncoder().encode(text)) {
    crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
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

async function lock(path: string, owner: string): Promise<Deno.FsFile> {
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), LOCK_MS));
  const locked = await Promise.race([file.lock(true).then(() => true), late]);
  clearTimeout(timer);
  if (!locked) {
    const holder = Deno.readTextFileSync(path).trim();
    throw new LockedError(
      `Cannot control this experiment: ${holder || "another process"} does already; ` +
        `stop that one first, or ask it ("abcd status")`,
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
  const held = await lock(`${path}/lock`, owner);
  let closed = false;
  return {
    path,
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
    save: (name, record, isLasting) =>
      writeWhole(`${programs}/${name}${SUFFIX}`, encodeRecord(record), isLasting),
    forget(name) {
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
