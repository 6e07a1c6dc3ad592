// How much room there is on the disk that a folder is on.
//
// By `df` and not by the system call: a network disk that is gone holds whoever asks for it, and it
// is better that this is another process than a thread of this one. Deno has the call from 2.9 only.

/** A disk, as far as it matters to who writes there. */
export interface DiskSpace {
  /** Where it is mounted. */
  readonly mount: string;
  /** What users other than root can still write, in bytes. */
  readonly freeBytes: number;
}

/**
 * The folder, or the nearest above it that is there: a folder that is yet to be made is made on
 * that one's disk.
 */
async function existing(folder: string): Promise<{ path: string; device: number }> {
  for (let path = folder;;) {
    try {
      const { dev } = await Deno.stat(path);
      return { path, device: dev };
    } catch (error) {
      if (path === "/" || !(error instanceof Deno.errors.NotFound)) throw error;
      path = path.slice(0, path.lastIndexOf("/")) || "/";
    }
  }
}

/** What `df -Pk` says of one disk; `undefined` if it is not that. */
export function parseDf(text: string): DiskSpace | undefined {
  // POSIX: a line of titles, then device, blocks, used, available, per cent, mounted on. A device
  // may have blanks in its name, a mount too.
  const match = /^.*\s\d+\s+-?\d+\s+(-?\d+)\s+(?:\d+%|-)\s+(\/.*)$/.exec(text.split("\n")[1] ?? "");
  if (match === null) return undefined;
  return { mount: match[2] ?? "", freeBytes: Math.max(0, Number(match[1]) * 1024) };
}

function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** One folder for each disk that these are on; one that cannot be looked at stands for itself. */
export async function onePerDisk(
  folders: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const found = await Promise.all(folders.map(async (folder) => {
    try {
      return { folder, disk: (await unless(signal, existing(folder))).device };
    } catch {
      return { folder, disk: folder };
    }
  }));
  const seen = new Set<number | string>();
  return found.filter(({ disk }) => !seen.has(disk) && seen.add(disk)).map((one) => one.folder);
}

/**
 * Looks at the disk of a folder; `folder` is an absolute path.
 *
 * @throws {Error} If the folder cannot be looked at, or `df` does not answer before the signal.
 */
export async function diskSpace(folder: string, signal: AbortSignal): Promise<DiskSpace> {
  const { path } = await unless(signal, existing(folder));
  const child = new Deno.Command("df", {
    args: ["-Pk", path],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A Ctrl-C is for the controller alone.
    detached: true,
  }).spawn();
  child.unref();
  try {
    const { stdout, stderr } = await unless(signal, child.output());
    const space = parseDf(new TextDecoder().decode(stdout));
    if (space !== undefined) return space;
    throw new Error(`df: ${new TextDecoder().decode(stderr).trim() || "it says nothing"}`);
  } catch (error) {
    if (signal.aborted) child.kill("SIGKILL");
    throw error;
  }
}
