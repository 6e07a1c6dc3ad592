// Who failed to show a key, how often, and how long the next refusal is held back. A bounded table.
//
// Refusals are slowed down, and nothing else: a whole lab may sit behind one address, and who has the
// right key is let in at once, whatever its neighbours did.

/** Failures that are answered at once: a wrong key is soon noticed by who typed it. */
const FREE = 3;
/** Longest wait for a refusal, in milliseconds; shorter than a client's patience. */
const MOST_MS = 5000;
/** After so long without a failure an address has none, in milliseconds. */
const FORGET_MS = 10 * 60 * 1000;
/** Addresses in the table; past it, the one that failed longest ago goes. */
const MAX_ADDRESSES = 1000;

/** The table. */
export interface Failures {
  /** How many there were, of all addresses. */
  readonly count: number;
  /** One more; returns how long its refusal is to wait, in milliseconds: 0, 0, 0, 1000, 2000, 4000, 5000 … */
  add(address: string, now: number): number;
  /** How often this address has failed lately. */
  of(address: string, now: number): number;
}

/** Makes an empty table. */
export function createFailures(maxAddresses = MAX_ADDRESSES): Failures {
  // In the order of their last failure.
  const table = new Map<string, { count: number; last: number }>();
  let count = 0;
  function of(address: string, now: number): number {
    const entry = table.get(address);
    return entry === undefined || now - entry.last > FORGET_MS ? 0 : entry.count;
  }
  return {
    get count() {
      return count;
    },
    of,
    add(address, now) {
      count++;
      const failed = of(address, now) + 1;
      table.delete(address);
      if (table.size >= maxAddresses) {
        const [oldest] = table.keys();
        if (oldest !== undefined) table.delete(oldest);
      }
      table.set(address, { count: failed, last: now });
      return failed <= FREE ? 0 : Math.min(MOST_MS, 1000 * 2 ** Math.min(10, failed - FREE - 1));
    },
  };
}
