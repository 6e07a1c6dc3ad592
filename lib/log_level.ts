// How much a program writes into its log, changed by message while it runs: at night, when something is
// odd, and without a restart that would end it.

import type { Client, Off } from "./client/contract.ts";
import { isLogLevel, type Log, LOG_LEVELS, type LogLevel } from "./log_contract.ts";

/** The level of a log, and what it was before. */
export type LevelChange = { readonly level: LogLevel; readonly was: LogLevel };

/**
 * Changes the level of a log, and says so in it.
 *
 * @param level Default: as it is.
 * @param by Who wants it, in words.
 */
export function changeLevel(log: Log, level: LogLevel | undefined, by: string): LevelChange {
  const was = log.level;
  if (level !== undefined && level !== was) {
    // Said at a level that is written before or after, so that the log tells why it changes.
    log.level = "info";
    log.info(`log level ${level}, set by ${by}; it was ${was}`);
    log.level = level;
  }
  return { level: log.level, was };
}

/**
 * Answers `_log {level?}` with `_log {ok, level, was}`, as the hub does for itself. Who may not change
 * that is refused by the hub: it takes the right `admin`.
 */
export function serveLogLevel(client: Client, log: Log): Off {
  return client.answer("_log", ({ level, from = "?" }) => {
    if (level !== undefined && (typeof level !== "string" || !isLogLevel(level))) {
      throw new TypeError(`Cannot take _log: "level" is not one of ${LOG_LEVELS.join(", ")}`);
    }
    return changeLevel(log, level, from);
  });
}
