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

/** Why it failed, in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const LOCK_MS = 1000;

/**
 * Holds a journal's folder, for this process alone until the file is closed.
 *
 * @throws {Error} If another process holds it.
 */
export async function holdFolder(folder: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${folder}/lock`, { write: true, create: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), LOCK_MS));
  const got = await Promise.race([file.lock(true), late]);
  clearTimeout(timer);
  if (got !== "late") return file;
  file.close();
  throw new Error(
    `Cannot write a journal in ${folder}: another hub does; give this one its own with --journal FOLDER`,
  );
}
