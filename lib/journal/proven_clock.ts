// The time by which something may be removed for its age. What is removed is gone, and a clock can be
// wrong: set to another year by a typing error, or by a time server that has gone mad. So one that was
// set ahead is believed only once it has stayed so; until then it went on as before. One that is set
// back is believed at once: that removes nothing.

/** Less is how clocks are put right all the time. In milliseconds. */
const LEAST_MS = 5000;

/**
 * Makes what tells the time, in milliseconds since 1970; `-Infinity` as long as no time is proven. It
 * sees that the clock was set when it is asked; so it is to be asked every minute or so.
 *
 * @param clock The time now, in milliseconds since 1970.
 * @param steady One that nobody sets.
 * @param proofMs How long the clock has to go on undisturbed.
 */
export function createProvenClock(
  clock: () => number,
  steady: () => number,
  proofMs: number,
): () => number {
  /** The clock's lead over the steady one, as it is believed, and as it is since `from`. */
  let believed = -Infinity;
  let claimed = clock() - steady();
  let from = steady();

  return () => {
    const now = steady();
    const lead = clock() - now;
    if (Math.abs(lead - claimed) > LEAST_MS) [claimed, from] = [lead, now];
    if (lead <= believed + LEAST_MS || now - from >= proofMs) believed = lead;
    return now + believed;
  };
}
