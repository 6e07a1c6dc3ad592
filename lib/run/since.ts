// Since when a program is as it is, as the computer's clock tells it now, also after that was set.

import { createClockSum } from "../set_clock.ts";

/** A moment that has passed. */
export interface Since {
  /** Unix time in seconds; what is assigned is by the clock as it is then. */
  time: number;
}

/**
 * Makes one, of now.
 *
 * @param steady A clock that nobody sets, in milliseconds. Default: `performance.now`.
 * @param clock The time now, in milliseconds since 1970. Default: the computer's clock.
 */
export function createSince(
  steady: () => number = () => performance.now(),
  clock: () => number = () => Date.now(),
): Since {
  const setSec = createClockSum(steady, clock);
  let time = clock() / 1000;
  /** How far the clock had been set when that was assigned. */
  let before = 0;
  return {
    get time() {
      return time + setSec() - before;
    },
    set time(next) {
      before = setSec();
      time = next;
    },
  };
}
