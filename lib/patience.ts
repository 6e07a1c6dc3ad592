// Waiting no longer than so long, by a process that may be away itself meanwhile: what came in that time
// is taken first.

import { LONGEST_MS } from "./pause.ts";

/** A timer that comes later than this was kept waiting with all else here, in milliseconds. */
const LATE_MS = 300;
/** So long what has come meanwhile has its turn then, in milliseconds. */
const MORE_MS = 2000;

/**
 * Calls when so many milliseconds have passed. If this process was halted, or had no processor, at that
 * moment, it does so two seconds later: the answer that is waited for may be there and not read.
 *
 * @returns Ends it. After that nothing is called.
 */
export function afterPatience(ms: number, call: () => void): () => void {
  let isOver = false;
  let timer: ReturnType<typeof setTimeout>;
  function wait(waitMs: number, then: (lateMs: number) => void): void {
    const due = performance.now() + waitMs;
    timer = setTimeout(() => {
      // One that was due already is called in Deno 2.4 although it has been cleared.
      if (!isOver) then(performance.now() - due);
    }, waitMs);
  }
  wait(Math.min(ms, LONGEST_MS), (lateMs) => lateMs > LATE_MS ? wait(MORE_MS, call) : call());
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
