// Lines with the date between lines that have only the time of day. Pure.

/** The local date: `2026-11-24`. */
function dayOf(unixSec: number): string {
  const date = new Date(unixSec * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/**
 * Makes what tells whether a line with the date belongs before the line of a moment: where another day
 * begins, and at the top if that is not today.
 *
 * @param nowSec Unix time in seconds.
 */
export function createDayLines(nowSec: number): (unixSec: number) => string | undefined {
  let day = dayOf(nowSec);
  return (unixSec) => {
    const next = dayOf(unixSec);
    if (next === day) return undefined;
    day = next;
    return `--- ${day}`;
  };
}
