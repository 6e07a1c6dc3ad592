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
