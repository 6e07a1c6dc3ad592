// A clock to wait for others by, which counts no time in which this process could not have seen what they
// did: it was halted, its computer's load or another virtual machine took all processors, or it slept.

/** So much is counted at most between two looks at the clock, in milliseconds; there is one about each second. */
const LONGEST_MS = 1500;

/**
 * Makes the clock, which is to be looked at about once a second.
 *
 * @param steady One that nobody sets, in milliseconds. Default: `performance.now`.
 */
export function createAwakeClock(steady: () => number = () => performance.now()): () => number {
  let last = steady();
  let away = 0;
  return () => {
    const now = steady();
    away += Math.max(0, now - last - LONGEST_MS);
    last = now;
    return now - away;
  };
}
