// What the journal and the ledger do to files.

/** Writes all of it. */
export async function appendTo(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/** Makes sure that the names of new files survive a power cut, too. */
export async function syncFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return; // a folder cannot be opened there
  using handle = await Deno.open(folder);
  await handle.sync();
}

/** What is written to a file is nowhere, as somebody has removed the file, or put another in its place. */
export class FileGoneError extends Error {
  override name = "FileGoneError";
}

/**
 * Makes sure that a file is still where it was opened.
 *
 * @param about What the open file said of itself.
 * @throws {FileGoneError} If it is not.
 */
export async function checkPlace(path: string, about: Deno.FileInfo): Promise<void> {
  const there = await Deno.stat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (there?.ino === about.ino && there?.dev === about.dev) return;
  throw new FileGoneError(`somebody has removed or moved ${path}`);
}

/** Why it failed, in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const LOCK_MS = 1000;

/** A lock that was asked for and has not come; the wait for it cannot be ended. */
interface Awaited {
  readonly file: Deno.FsFile;
  /** The file cannot be asked while it waits. */
  readonly about: Deno.FileInfo;
  readonly locked: Promise<void>;
}

/** By folder. Who tries again waits on: each wait keeps a thread of the few that there are. */
const awaited = new Map<string, Awaited>();

async function askForLock(folder: string): Promise<Awaited> {
  const path = `${folder}/lock`;
  const before = awaited.get(folder);
  awaited.delete(folder);
  const now = before && await Deno.stat(path).catch(() => undefined);
  if (before !== undefined) {
    // Another disk may have been mounted there since.
    if (before.about.ino === now?.ino && before.about.dev === now?.dev) return before;
    before.file.close();
  }
  const file = await Deno.open(path, { write: true, create: true });
  const about = await file.stat();
  return { file, about, locked: file.lock(true) };
}

/**
 * Holds a journal's folder, for this process alone until the file is closed.
 *
 * @throws {Error} If another process holds it.
 */
export async function holdFolder(folder: string): Promise<Deno.FsFile> {
  const asked = await askForLock(folder);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), LOCK_MS));
  const got = await Promise.race([asked.locked, late]);
  clearTimeout(timer);
  if (got !== "late") return asked.file;
  awaited.set(folder, asked);
  throw new Error(
    `Cannot write a journal in ${folder}: another hub does; give this one its own with --journal FOLDER`,
  );
}
