// What a log is. Apart from log.ts, which makes one with @std/log: the client library needs no more than
// this, and a program elsewhere that imports it needs no packages.

import type { Json } from "./message_form.ts";

/** Levels, least severe first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Whether a text is a level. */
export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

/** Facts that go with a line, for programs that read the log; people get them as `key=value`. */
export type LogFields = { readonly [field: string]: Json | undefined };

/** One line a fact. */
export interface Log {
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** The least severe level that is written; can be changed at any time. */
  level: LogLevel;
}

/** A log that writes nothing. */
export const NO_LOG: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  level: "error",
};
