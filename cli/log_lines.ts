// The log of a subcommand in a file. A disk that is full costs lines, and ends nobody: whoever writes
// into a log is busy with something else.

import { dateAndTime } from "../lib/log.ts";
import { createRotatingFile } from "../lib/process/log_file.ts";

/** A disk, or somebody's share of it, without room. */
function isFull(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && "code" in cause &&
    (cause.code === "ENOSPC" || cause.code === "EDQUOT");
}

/**
 * Takes lines for a file with rotation. Those that cannot be written are counted, which is said in it
 * as soon as there is room.
 *
 * @param failed Told why lines are missing from now on, once until there is room again.
 * @returns What writes a line; it throws only if none was written so far, and the disk is not full:
 * the file's name is mistaken then.
 */
export function openLogLines(path: string, failed: (text: string) => void): (line: string) => void {
  const file = createRotatingFile({ path });
  const encoder = new TextEncoder();
  let isUsable = false;
  let missing = 0;
  let since = "";
  return (line) => {
    // Behind what may have been left of a line that was cut off.
    const gap = missing === 0 ? "" : `\n${missing} lines are missing here, from ${since} on\n`;
    try {
      file.write(encoder.encode(`${gap}${line}\n`));
      isUsable = true;
      missing = 0;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!isUsable && !isFull(error)) {
        throw new Error(`${why}; mend that, or name another file with --log-file`);
      }
      isUsable = true;
      if (missing++ > 0) return;
      since = dateAndTime(new Date());
      failed(
        `${error instanceof Error ? error.message : error}; lines of the log are missing there`,
      );
    }
  };
}
