// A moment in the past, as people write it for --since and --until.

import { parseDuration } from "../lib/units.ts";
import { UsageError } from "./command.ts";

/** Numbers from here on are Unix times, as the tables of `abcd history --csv` have them: 2001-09-09. */
const LEAST_UNIX_TIME = 1e9;

/** The last time that a clock on the wall here showed this: `03:00`, `03:00:30`. */
function lastTimeOfDay(text: string, nowSec: number): number | undefined {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  if (match === null) return undefined;
  const [, hours, minutes, seconds = 0] = match;
  const date = new Date(nowSec * 1000);
  date.setHours(Number(hours), Number(minutes), Number(seconds), 0);
  // By the calendar, not 24 hours: a day may have 23 or 25.
  if (date.getTime() / 1000 > nowSec) date.setDate(date.getDate() - 1);
  return date.getTime() / 1000;
}

/** A date as ISO 8601 writes it, with or without a time of day; without a zone it is the time here. */
function dateOf(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](.+))?$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, rest] = match;
  // JavaScript takes 31 November for 1 December, and a day alone for its beginning in Greenwich.
  const noon = new Date(`${year}-${month}-${day}T12:00Z`);
  if (noon.getUTCDate() !== Number(day)) return undefined;
  const ms = Date.parse(`${year}-${month}-${day}T${rest ?? "00:00"}`);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/**
 * Unix time in seconds of a moment: so long ago (`8h`), a time of day (`03:00`, the last one), a date as
 * ISO 8601 writes it (`2026-11-24`, `2026-11-24T03:00`), a Unix time.
 *
 * @throws {UsageError} If it is none of these.
 */
export function momentFrom(option: string, text: string, nowSec: number): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) >= LEAST_UNIX_TIME) return Number(text);
  const ago = parseDuration(text);
  if (ago !== undefined) return nowSec - ago;
  const moment = lastTimeOfDay(text, nowSec) ?? dateOf(text);
  if (moment !== undefined) return moment;
  throw new UsageError(
    `Cannot read --${option}: "${text}" is neither a length of time, like 8h, nor a time of day, like 03:00, nor a date, like 2026-11-24T03:00`,
  );
}
