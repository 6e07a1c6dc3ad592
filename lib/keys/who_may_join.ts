// What everybody who starts a hub has to know of its locks.

import type { Log } from "../log_contract.ts";

/** The locks of a hub, as it was started. */
export interface Locks {
  /** Who has no key may join, and do everything. */
  readonly open?: boolean;
  /** Who has no key may join by plain TCP. */
  readonly openTcp?: boolean;
  /** Keys may be shown in plain text. */
  readonly plainKeys?: boolean;
  /** Origins of web pages that may open a WebSocket; `"*"`: all. */
  readonly origins?: readonly string[];
}

/**
 * Says in the log who may join.
 *
 * @param keys Where the hub has its key from, in words.
 * @param where Where it listens, each `host:port`.
 */
export function sayWhoMayJoin(
  { open, openTcp, plainKeys, origins }: Locks,
  keys: string,
  where: { readonly http: string; readonly tcp: string },
  log: Log,
): void {
  if (open) {
    log.warn(
      `The hub is open: anybody who reaches ${where.http} or ${where.tcp} may join, and send any message to any client`,
    );
  }
  log.info(`${keys}; another computer gets it with "abcd key" here and "abcd key --set" there`);
  if (openTcp && !open) {
    log.warn(`Anybody who reaches ${where.tcp} (plain TCP) may join without a key`);
  }
  if (plainKeys) {
    log.warn("Keys in plain text are taken: whoever listens on the network can read them");
  }
  if (origins?.includes("*")) {
    log.warn("Every web page that a browser on this network shows may join");
  }
}
