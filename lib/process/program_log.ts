// The log of one program: written by the program itself, kept small and read by the controller.

import { canCollapse, rotateLog } from "./log_rotation.ts";
import { lastLines, lastLineStart, sizeOf, toLines } from "./log_tail.ts";

/** Reads what is written from some point on, line by line. */
export interface LogCursor extends Disposable {
  /** The lines that are complete and were not read yet; at most 256 KiB at a time. */
  read(): string[];
  /** The last lines before those that the next `read` gives: none of them twice, and none left out. */
  before(count: number): string[];
}

/** The log of one program. */
export interface ProgramLog {
  readonly path: string;
  /** Its size in bytes; the end of what is written so far. */
  end(): number;
  /** The last lines behind a point, which is counted as {@linkcode ProgramLog.end} does. */
  tail(count: number, from?: number): readonly string[];
  /** Reads from a point on; default: from its end, or the line there that is not complete. */
  cursor(from?: number): LogCursor;
  /**
   * Moves its front aside if it is too large; to be called about once a second, also while nothing is
   * written: what begins to write without end fills two gigabytes in each. A call while that is done does
   * nothing.
   */
  keepSmall(limits: { readonly maxBytes: number; readonly backups: number }): Promise<void>;
}

const NEWLINE = 10;
const READ_BYTES = 256 * 1024;
/** A reader that is further behind than this goes on near the end. */
const BEHIND_BYTES = 4 * 1024 * 1024;

/**
 * Opens the log of a program. Points in it are bytes since it was opened here, whatever is moved
 * aside: `moved` is told how many bytes went from the front.
 */
export function openProgramLog(options: {
  readonly path: string;
  readonly warn: (text: string) => void;
  readonly moved: (bytes: number) => void;
}): ProgramLog {
  const { path, warn, moved } = options;
  const cursors = new Set<{ at: number }>();
  let busy = false;
  let collapse: boolean | undefined;
  let failed = false;
  let cached: { readonly key: string; readonly lines: readonly string[] } | undefined;

  function cursor(from = lastLineStart(path)): LogCursor {
    const place = { at: from };
    const decoder = new TextDecoder();
    /** What was read of a line that is not complete, and its bytes. */
    let rest = "";
    let restBytes = 0;
    cursors.add(place);
    return {
      read() {
        // While the front is cut off, nobody knows what stands where.
        if (busy) return [];
        const lines: string[] = [];
        const size = sizeOf(path);
        if (place.at < 0 || size - place.at > BEHIND_BYTES) {
          const to = Math.max(0, size - READ_BYTES);
          lines.push(`… ${to - place.at} bytes are left out …`);
          place.at = to;
          [rest, restBytes] = ["", 0];
        }
        // Somebody emptied it.
        if (size < place.at) [place.at, rest, restBytes] = [0, "", 0];
        if (size === place.at) return lines;
        try {
          using file = Deno.openSync(path);
          file.seekSync(place.at, Deno.SeekMode.Start);
          const buffer = new Uint8Array(Math.min(READ_BYTES, size - place.at));
          const count = file.readSync(buffer) ?? 0;
          place.at += count;
          const newline = buffer.subarray(0, count).lastIndexOf(NEWLINE);
          restBytes = newline < 0 ? restBytes + count : count - newline - 1;
          const text = rest + decoder.decode(buffer.subarray(0, count), { stream: true });
          const end = text.lastIndexOf("\n") + 1;
          rest = text.slice(end).slice(-READ_BYTES);
          lines.push(...toLines(text.slice(0, end)));
        } catch {
          // not there: nothing to read
        }
        return lines;
      },
      before: (count) => lastLines(path, count, -Infinity, place.at - restBytes),
      [Symbol.dispose]: () => void cursors.delete(place),
    };
  }

  return {
    path,
    end: () => sizeOf(path),
    cursor,
    tail(count, from) {
      let key = `${count} ${from}`;
      try {
        const { size, mtime } = Deno.statSync(path);
        key += ` ${size} ${mtime?.getTime()}`;
      } catch {
        return [];
      }
      if (cached?.key !== key) cached = { key, lines: lastLines(path, count, from) };
      return cached.lines;
    },
    async keepSmall(limits) {
      if (busy || sizeOf(path) <= limits.maxBytes) return;
      busy = true;
      try {
        if (collapse === undefined) {
          collapse = await canCollapse(path.slice(0, path.lastIndexOf("/")));
          if (!collapse) {
            warn(
              `the file system of ${path} cannot cut the front off a file (ext4 and xfs can): it is copied and emptied, and output of that moment may be lost`,
            );
          }
        }
        const gone = await rotateLog({ path, ...limits, collapse });
        if (gone > 0) {
          for (const place of cursors) place.at -= gone;
          moved(gone);
        }
        failed = false;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!failed) warn(`Cannot move the front of ${path} aside: ${why}`);
        failed = true;
      } finally {
        busy = false;
      }
    },
  };
}
