// Stand-in for @std/log where JSR cannot be reached: loggers, handlers and levels, nothing else.

/** Levels by name; a higher number is more severe. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** A level as a number. */
export type LogLevel = typeof LogLevels[LevelName];
/** A level's name. */
export type LevelName = keyof typeof LogLevels;

function isLevelName(name: string): name is LevelName {
  return Object.hasOwn(LogLevels, name);
}

/** The number of a level's name. */
export function getLevelByName(name: LevelName): LogLevel {
  if (!isLevelName(name)) throw new Error(`Cannot get log level: no level named ${name}`);
  return LogLevels[name];
}

/** The name of a level's number. */
export function getLevelName(level: LogLevel): LevelName {
  for (const [name, value] of Object.entries(LogLevels)) {
    if (value === level && isLevelName(name)) return name;
  }
  throw new Error(`Cannot get log level: no name for level: ${level}`);
}

/** One record, as handlers get it. */
export class LogRecord {
  readonly msg: string;
  readonly level: number;
  readonly levelName: string;
  readonly loggerName: string;
  readonly #args: unknown[];
  readonly #datetime = new Date();

  constructor(options: { msg: string; args: unknown[]; level: LogLevel; loggerName: string }) {
    this.msg = options.msg;
    this.#args = [...options.args];
    this.level = options.level;
    this.levelName = getLevelName(options.level);
    this.loggerName = options.loggerName;
  }

  get args(): unknown[] {
    return [...this.#args];
  }

  get datetime(): Date {
    return new Date(this.#datetime);
  }
}

/** What a record becomes. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** Options of a handler. */
export interface BaseHandlerOptions {
  /** A function that formats log records. */
  formatter?: FormatterFunction;
}

/** Takes records at or above its level. */
export abstract class BaseHandler {
  formatter: FormatterFunction;
  level: LogLevel;

  constructor(levelName: LevelName, options: BaseHandlerOptions = {}) {
    this.level = getLevelByName(levelName);
    this.formatter = options.formatter ?? ((record) => `${record.levelName} ${record.msg}`);
  }

  get levelName(): LevelName {
    return getLevelName(this.level);
  }

  set levelName(levelName: LevelName) {
    this.level = getLevelByName(levelName);
  }

  handle(logRecord: LogRecord): void {
    if (this.level > logRecord.level) return;
    this.log(this.format(logRecord));
  }

  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }

  abstract log(msg: string): void;

  setup(): void {}

  destroy(): void {}

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Gives records at or above its level to its handlers. */
export class Logger {
  handlers: BaseHandler[];
  level: LogLevel;
  readonly loggerName: string;

  constructor(
    loggerName: string,
    levelName: LevelName,
    options: { handlers?: BaseHandler[] } = {},
  ) {
    this.loggerName = loggerName;
    this.level = getLevelByName(levelName);
    this.handlers = options.handlers ?? [];
  }

  get levelName(): LevelName {
    return getLevelName(this.level);
  }

  set levelName(levelName: LevelName) {
    this.level = getLevelByName(levelName);
  }

  #log(level: LogLevel, msg: string, args: unknown[]): string {
    if (this.level > level) return msg;
    const record = new LogRecord({ msg, args, level, loggerName: this.loggerName });
    for (const handler of this.handlers) handler.handle(record);
    return msg;
  }

  debug(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.DEBUG, msg, args);
  }

  info(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.INFO, msg, args);
  }

  warn(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.WARN, msg, args);
  }

  error(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.ERROR, msg, args);
  }

  critical(msg: string, ...args: unknown[]): string {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }
}
