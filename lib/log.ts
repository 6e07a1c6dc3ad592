// The log of abcd's own programs: one line a fact. The only user of @std/log.

import { BaseHandler, type LevelName, Logger, type LogRecord } from "@std/log";
import type { Log, LogFields, LogLevel } from "./log_contract.ts";
import type { Json } from "./message.ts";
import { escapeControls, plainJson, plainText } from "./plain_text.ts";

export * from "./log_contract.ts";

/** Options of {@linkcode createLog}. */
export interface LogOptions {
  /** Who writes: "hub", "run" … */
  name: string;
  /** Least severe level that is written. Default "info". */
  level?: LogLevel;
  /** One JSON object a line, in place of text for people. Default: false. */
  json?: boolean;
  /** Whether to colour. Default: false. */
  color?: boolean;
  /** Takes each finished line, without its newline. */
  write: (line: string) => void;
}

const NAMES = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" } as const satisfies {
  [L in LogLevel]: LevelName;
};
const SHORT: Record<string, string> = {
  DEBUG: "debug",
  INFO: "info ",
  WARN: "WARN ",
  ERROR: "ERROR",
};
const COLOR: Record<string, string> = {
  DEBUG: "\x1b[2m",
  INFO: "",
  WARN: "\x1b[33m",
  ERROR: "\x1b[1;31m",
};

/** Local time of day with milliseconds, as people read it at night: `03:12:45.120`. */
export function timeOfDay(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${
    String(date.getMilliseconds()).padStart(3, "0")
  }`;
}

/** Local date and time with the zone's offset: `2026-11-24 03:12:45.120+01:00`. */
export function dateAndTime(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(offset) / 60))}:${
    two(Math.abs(offset) % 60)
  }`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${
    timeOfDay(date)
  }${zone}`;
}

function fieldsOf(record: LogRecord): LogFields {
  const [fields] = record.args;
  if (typeof fields !== "object" || fields === null) return {};
  const all = Object.entries(fields as LogFields);
  return Object.fromEntries(
    all.map(([key, value]) => [key, value === undefined ? undefined : bounded(value)]),
  );
}

/** Longest text of a line, and of one of its fields, in characters: strangers' words may be in them. */
const MOST_TEXT = 8000, MOST_FIELD = 1000;

/** A field, or what it would be as JSON if it is too long. */
function bounded(value: Json): Json {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= MOST_FIELD ? value : plainText(text, MOST_FIELD);
}

function forPeople(record: LogRecord, color: boolean): string {
  const details = Object.entries(fieldsOf(record)).filter(([, value]) => value !== undefined).map((
    [key, value],
  ) =>
    ` ${key}=${typeof value === "string" && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`
  );
  const paint = color ? COLOR[record.levelName] ?? "" : "";
  return `${paint}${dateAndTime(record.datetime)} ${
    SHORT[record.levelName] ?? record.levelName
  } ${record.loggerName}: ${plainText(record.msg, MOST_TEXT) + escapeControls(details.join(""))}${
    paint === "" ? "" : "\x1b[0m"
  }`;
}

function forPrograms(record: LogRecord): string {
  const text = record.msg.length <= MOST_TEXT ? record.msg : plainText(record.msg, MOST_TEXT);
  return plainJson(JSON.stringify({
    time: record.datetime.getTime() / 1000,
    level: record.levelName.toLowerCase(),
    name: record.loggerName,
    text,
    ...fieldsOf(record),
  }));
}

class LineHandler extends BaseHandler {
  readonly #write: (line: string) => void;

  constructor(format: (record: LogRecord) => string, write: (line: string) => void) {
    super("DEBUG", { formatter: format });
    this.#write = write;
  }

  override log(line: string): void {
    this.#write(line);
  }
}

/** Makes a log; nothing is written but through `options.write`. */
export function createLog(options: LogOptions): Log {
  const { name, level = "info", json = false, color = false, write } = options;
  const format = json ? forPrograms : (record: LogRecord) => forPeople(record, color);
  // What @std/log escapes of control characters differs by version; a line must stay a line.
  const oneLine = (line: string) => write(line.replaceAll("\r", "\\r").replaceAll("\n", "\\n"));
  const logger = new Logger(name, NAMES[level], { handlers: [new LineHandler(format, oneLine)] });
  let current = level;
  return {
    debug: (text, fields = {}) => void logger.debug(text, fields),
    info: (text, fields = {}) => void logger.info(text, fields),
    warn: (text, fields = {}) => void logger.warn(text, fields),
    error: (text, fields = {}) => void logger.error(text, fields),
    get level() {
      return current;
    },
    set level(to: LogLevel) {
      current = to;
      logger.levelName = NAMES[to];
    },
  };
}
