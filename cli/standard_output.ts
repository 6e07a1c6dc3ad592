// Standard output for lines of which there may be many: a pager shows the first page and reads no
// more, a terminal stops at Ctrl-S. The program must go on meanwhile; a client that does not answer
// the hub's pings is closed.

import { createLineOutput, type LineOutput, MOST_WAITING } from "../lib/process/line_output.ts";
import { aborted } from "./command.ts";

/** At the end whoever still reads gets all of it, in milliseconds; Ctrl-C ends that. */
const LONG_MS = 2 ** 31 - 1;

/** Options of {@linkcode openStandardOutput}. */
export interface StandardOutputOptions {
  /** Aborted by Ctrl-C: nobody is waited for any more. */
  readonly stop: AbortSignal;
  /** As in `LineOutputOptions`. Default: nothing is said. */
  readonly missed?: (count: number, since: number) => void;
  /** Most characters that wait for the reader; what comes then is left out. */
  readonly mostWaiting?: number;
}

/** Standard output, line by line. */
export interface StandardOutput extends Pick<LineOutput, "write"> {
  /** Resolves when there is room for more, or nobody is waited for any more; `undefined`: there is. */
  hasRoom(): Promise<void> | undefined;
  /** Resolves when the reader has gone, as `head` does; rejects if nothing can be written. */
  readonly gone: Promise<void>;
  /** Whether the reader has gone. */
  readonly isGone: boolean;
  /** Resolves when all is written, or nobody is waited for any more. */
  written(): Promise<void>;
}

/** Opens it; nothing is written yet. */
export function openStandardOutput(options: StandardOutputOptions): StandardOutput {
  const { stop, missed = () => {}, mostWaiting = MOST_WAITING } = options;
  const gone = Promise.withResolvers<void>();
  gone.promise.catch(() => {});
  let isGone = false;
  const lines = createLineOutput({
    write: (bytes) => Deno.stdout.write(bytes),
    mostWaiting,
    missed,
    failed: (error) => {
      isGone = true;
      // That is an end, not a failure.
      if (error instanceof Deno.errors.BrokenPipe) gone.resolve();
      else gone.reject(error);
    },
  });
  const stopped = aborted(stop);
  return {
    write: lines.write,
    // Each race leaves something with the promise that may never settle: only if it must be.
    hasRoom: () => lines.isFull ? Promise.race([lines.hasRoom(), stopped]) : undefined,
    gone: gone.promise,
    get isGone() {
      return isGone;
    },
    async written() {
      await Promise.race([lines.written(LONG_MS), stopped]);
      await lines.written();
    },
  };
}
