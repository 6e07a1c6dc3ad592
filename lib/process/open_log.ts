// The log that a process has open, which may be another one than the file of that name: somebody who
// makes room on a full disk removes logs, and whoever wrote into one goes on, where nobody sees it.

/** What has become of the log of a process. `removed`: it has no name any more; else its new name. */
export type LostLog = { readonly removed: true } | { readonly movedTo: string };

/** What Linux says of a file without a name. */
const DELETED = " (deleted)";

/**
 * Whether the standard output of a process still is the log at this path. `undefined`: it is, or it was
 * never meant to be, as of a program that writes elsewhere by itself; or nobody can tell.
 */
export function findLostLog(pid: number, path: string): LostLog | undefined {
  let target: string;
  try {
    target = Deno.readLinkSync(`/proc/${pid}/fd/1`);
  } catch {
    return undefined;
  }
  if (target === path || !target.startsWith(path)) return undefined;
  return target.endsWith(DELETED) ? { removed: true } : { movedTo: target };
}

/** Empties a log that has no name any more, once it is larger than this: nobody can read it. */
export function emptyLostLog(pid: number, maxBytes: number): void {
  const path = `/proc/${pid}/fd/1`;
  try {
    if (Deno.statSync(path).size <= maxBytes) return;
    // `Deno.truncateSync` follows no link.
    using file = Deno.openSync(path, { write: true });
    file.truncateSync();
  } catch {
    // It has ended, and so has its log.
  }
}

/** Why nothing can be written at the end of a log; `undefined`: it can be, and the file is there. */
export function whyNoLog(path: string): string | undefined {
  try {
    Deno.openSync(path, { append: true, create: true }).close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether there is room for a line beside a log: false on a disk that is full, or can only be read. */
export function hasRoomBeside(path: string): boolean {
  const probe = `${path}.room-${Deno.pid}`;
  try {
    // A whole block: what stands in one that is begun needs no more room.
    Deno.writeFileSync(probe, new Uint8Array(4096).fill(1));
    return true;
  } catch {
    return false;
  } finally {
    try {
      Deno.removeSync(probe);
    } catch {
      // it could not be made
    }
  }
}
