// Files that are there after a power cut: whole, and under their name.

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A name is as safe as the folder that it stands in: that has to reach the disk too. */
function syncFolder(path: string): void {
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  try {
    using file = Deno.openSync(folder, { read: true });
    file.syncSync();
  } catch (error) {
    // Some file systems of other computers sync no folders; all that can be done is done then.
    if (!(error instanceof Deno.errors.NotSupported)) throw error;
  }
}

/**
 * Writes a file so that a crash or a power cut at any moment leaves the old content or the new one,
 * never a part, and that the new one is on the disk when this returns.
 *
 * @param isNew It may not be there yet.
 * @throws {Deno.errors.AlreadyExists} If it `isNew` and is there.
 * @throws {Error} If it cannot be written; what was there before is still there then.
 */
export function writeDurably(path: string, text: string, isNew = false): void {
  // A process of its own for each: two who write the same file do not mix.
  const temporary = `${path}.${Deno.pid}.new`;
  const bytes = new TextEncoder().encode(text);
  try {
    {
      using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      file.syncSync();
    }
    if (isNew) {
      // A link is made only where nothing is; a rename would put the new in the place of the old.
      Deno.linkSync(temporary, path);
      Deno.removeSync(temporary);
    } else {
      Deno.renameSync(temporary, path);
    }
    syncFolder(path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // it was never there, or has its name
    }
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    throw new Error(`Cannot write ${path}: ${words(error)}`, { cause: error });
  }
}

/** How old what was never finished must be before it is taken away, in milliseconds. */
const STALE_MS = 60_000;

/** Takes away what was being written to a folder when somebody was killed. */
export function sweepFolder(path: string): void {
  try {
    for (const { name } of Deno.readDirSync(path)) {
      if (!/\.\d+\.new$/.test(name)) continue;
      const { mtime } = Deno.statSync(`${path}/${name}`);
      if (Date.now() - (mtime?.getTime() ?? 0) > STALE_MS) Deno.removeSync(`${path}/${name}`);
    }
  } catch {
    // It is in nobody's way; a folder that cannot be read is told of by who needs it.
  }
}
