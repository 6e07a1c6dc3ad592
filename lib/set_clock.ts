// A clock that is set: by a person, or at the start of an old computer, which does not know the year until
// it has asked the network. What outlives its process goes by the computer's clock, as do times that are
// told to people; so it has to be told when that was wrong.

/** The computer's clock was set while the process ran. Times in milliseconds. */
export interface ClockSet {
  /** By so much; below 0: back. */
  readonly by: number;
  /** What of the old clock's times is of this run of the process: from here … */
  readonly began: number;
  /** … to here. */
  readonly ended: number;
}

/** Less is what a clock drifts, or what a busy hub takes to look. In milliseconds. */
const LEAST_MS = 5000;

/**
 * Makes what is to be called about each second, and before something is taken for too old; it returns
 * by how much the clock was set since the last call, if it was.
 *
 * @param clock The time now, in milliseconds since 1970.
 * @param steady One that nobody sets.
 */
export function createClockWatch(
  clock: () => number,
  steady: () => number,
): () => ClockSet | undefined {
  const started = steady();
  let offset = clock() - started;

  return () => {
    const now = steady();
    const by = clock() - now - offset;
    if (Math.abs(by) < LEAST_MS) return undefined;
    const set = { by, began: offset + started, ended: offset + now };
    offset += by;
    return set;
  };
}

/**
 * Makes what tells by how much the clock was set in all since then, in seconds; below 0: back. It is
 * to be asked about each second, or when a time is told.
 *
 * @param steady One that nobody sets, in milliseconds. Default: `performance.now`.
 * @param clock The time now, in milliseconds since 1970. Default: the computer's clock.
 */
export function createClockSum(
  steady: () => number = () => performance.now(),
  clock: () => number = () => Date.now(),
): () => number {
  const wasSet = createClockWatch(clock, steady);
  let sec = 0;
  return () => sec += (wasSet()?.by ?? 0) / 1000;
}
