// Something that has to be on the disk, and is kept until the disk takes it.

import type { Log } from "../log.ts";

/** Writes what it is told last. */
export interface KeptFile extends Disposable {
  /** Writes it now; if that fails, again and again until it is written, or something else is. */
  write(write: () => void): void;
  /** Why it cannot be written; absent: it is. */
  readonly problem: string | undefined;
}

/** Between two tries, in milliseconds. */
const AGAIN_MS = 5000;

/**
 * Makes one; nothing is written yet.
 *
 * @param changed Called when it can be written no longer, or again.
 */
export function createKeptFile(log: Log, changed: () => void): KeptFile {
  let problem: string | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  let pending: () => void = () => {};

  function attempt(): void {
    try {
      pending();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (problem === why) return;
      log.error(`${why}; it is tried again every ${AGAIN_MS / 1000} s`);
      problem = why;
      timer ??= setInterval(attempt, AGAIN_MS);
      return changed();
    }
    clearInterval(timer);
    timer = undefined;
    if (problem === undefined) return;
    problem = undefined;
    log.info("what could not be written is written now");
    changed();
  }

  return {
    write(write) {
      pending = write;
      attempt();
    },
    get problem() {
      return problem;
    },
    [Symbol.dispose]() {
      if (problem !== undefined) attempt();
      clearInterval(timer);
    },
  };
}
