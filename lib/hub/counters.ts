// What the hub counts, since it started.

/** Counters, by the names that `_stats` has for them. */
export interface Counters {
  /** Messages routed. */
  messages: number;
  /** Bytes of messages received. */
  bytes: number;
  /** Messages given to clients. */
  delivered: number;
  /** Bytes of messages given to clients. */
  sentBytes: number;
  /** Messages refused with `_error`. */
  refused: number;
  /** The same by the code of the `_error`. */
  readonly refusals: { [code: string]: number };
  /** Of those, and of joinings, what was `denied`: for want of a key or of a right. */
  denied: number;
  /** Clients closed because they did not read. */
  slowConsumers: number;
  /** Clients closed because they said nothing. */
  timeouts: number;
  /** Messages that were answered with a receipt. */
  acknowledged: number;
  /** Messages that could not be made safe, and were answered `not-safe`. */
  notSafe: number;
  /** Messages put into mailboxes. */
  mailed: number;
  /** Messages taken out of mailboxes because they were too old. */
  undelivered: number;
}

/** All at zero. */
export function createCounters(): Counters {
  return {
    messages: 0,
    bytes: 0,
    delivered: 0,
    sentBytes: 0,
    refused: 0,
    refusals: {},
    denied: 0,
    slowConsumers: 0,
    timeouts: 0,
    acknowledged: 0,
    notSafe: 0,
    mailed: 0,
    undelivered: 0,
  };
}
