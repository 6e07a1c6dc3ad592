// One message as one line for people: time, from, to or topic, command, the rest.

import { timeOfDay } from "../log.ts";
import type { Json, Message } from "../message.ts";

/** Options of {@linkcode messageLine}. */
export interface MessageLineOptions {
  /** Columns there are; the line is cut to them. Default: never cut. */
  width?: number;
  /** Whether to colour. Default: false. */
  color?: boolean;
}

const ENVELOPE = new Set(["cmd", "to", "topic", "from", "time"]);
const LINKS = new Set(["id", "re"]);
/** Least widths of the columns time, from, to, command; on a narrow terminal the payload needs room. */
const WIDE = [12, 12, 18, 12] as const;
const NARROW = [8, 8, 13, 8] as const;
/** Narrower terminals are narrow. */
const WIDE_COLUMNS = 100;

/**
 * The text without anything that a terminal would obey or show out of order: control characters and
 * those that change the direction of writing, as escapes.
 */
function visible(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex -- these are what is taken out
    /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function cut(text: string, width: number): string {
  // Beyond this no terminal reaches, and a message may have a million characters.
  const characters = Array.from(text.length > width * 2 ? text.slice(0, width * 2 + 2) : text);
  if (characters.length <= width) return text;
  return width < 1 ? "" : characters.slice(0, width - 1).join("") + "…";
}

/** A value as JSON; without quotes a text that cannot be taken for anything else. */
function shown(value: Json | undefined): string {
  const isPlain = typeof value === "string" && /^[A-Za-z_\/][\w.:\/@+-]*$/.test(value) &&
    !["true", "false", "null"].includes(value);
  return isPlain ? value : JSON.stringify(value);
}

/** Enough of an id to find the other message by; the whole of it is in the JSON. */
function shortId(value: Json | undefined): string {
  const isUuid = typeof value === "string" &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
  return isUuid ? `${value.slice(0, 8)}…` : shown(value);
}

/** A message as one line: `03:12:45.120  hv  → daq  set  channel=3`. */
export function messageLine(message: Message, options: MessageLineOptions = {}): string {
  const { width = Infinity, color = false } = options;
  const { cmd, from = "?", to, topic, time } = message;
  const date = new Date((time ?? NaN) * 1000);
  const where = topic !== undefined ? `# ${topic}` : `→ ${to ?? "hub"}`;
  const payload = Object.entries(message)
    .filter(([key, value]) => !ENVELOPE.has(key) && value !== undefined)
    // What a person reads comes first; what only joins question and answer comes last.
    .sort(([a], [b]) => Number(LINKS.has(a)) - Number(LINKS.has(b)))
    .map(([key, value]) => `${key}=${LINKS.has(key) ? shortId(value) : shown(value)}`).join(" ");
  const [timeWidth, fromWidth, toWidth, cmdWidth] = width < WIDE_COLUMNS ? NARROW : WIDE;
  const clock = Number.isNaN(date.getTime()) ? "--:--:--.---" : timeOfDay(date);
  const columns: readonly (readonly [text: string, least: number, paint: string])[] = [
    [clock.slice(0, timeWidth), timeWidth, "2"],
    [from, fromWidth, "36"],
    [where, toWidth, topic !== undefined ? "35" : "34"],
    [cmd, cmdWidth, cmd === "_error" ? "1;31" : cmd.startsWith("_") ? "2" : "1"],
    [payload, 0, ""],
  ];
  let line = "";
  let left = width;
  for (const [i, [text, least, paint]] of columns.entries()) {
    const gap = i === 0 ? "" : "  ";
    if (left <= gap.length) break;
    const shown = cut(visible(text), left - gap.length);
    const space = i === columns.length - 1 ? "" : " ".repeat(Math.max(0, least - shown.length));
    left -= gap.length + Array.from(shown).length + space.length;
    line += gap + (color && paint !== "" ? `\x1b[${paint}m${shown}\x1b[0m` : shown) + space;
  }
  return line.trimEnd();
}
