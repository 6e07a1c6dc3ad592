// Telling the hub what it may not take: what cannot be sent is said, and not for each message anew.

import type { Log } from "../log.ts";

/** After one warning that something cannot be sent there is none for so long, in milliseconds. */
const QUIET_MS = 10_000;

/**
 * Makes what does something that sends a message, and warns if that cannot be done; `what` are the words
 * for it, such as "answer daq". It returns whether it was done.
 *
 * @param now Monotonic clock, in milliseconds. Default: `performance.now`.
 */
export function createHubTeller(
  log: Log,
  now: () => number = () => performance.now(),
): (what: string, send: () => void) => boolean {
  let quietUntil = -Infinity;
  let unsaid = 0;
  return (what, send) => {
    try {
      send();
      return true;
    } catch (error) {
      if (now() < quietUntil) {
        unsaid++;
        return false;
      }
      const more = unsaid === 0 ? "" : `; ${unsaid} more messages since the last warning`;
      log.warn(`Cannot ${what}: ${error instanceof Error ? error.message : error}${more}`);
      quietUntil = now() + QUIET_MS;
      unsaid = 0;
      return false;
    }
  };
}
