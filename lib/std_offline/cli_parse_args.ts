// Stand-in for @std/cli/parse-args where JSR cannot be reached, on the npm package minimist, from
// which std's parseArgs comes. The part that cli/parse.ts uses.

import minimist from "minimist";

/** What to look for in the arguments. */
export interface ParseOptions {
  /** Names that are always a boolean. */
  boolean?: readonly string[];
  /** Names that are always a string. */
  string?: readonly string[];
  /** Names whose values are always a list, one element for each time they are given. */
  collect?: readonly string[];
  /** Names that `--no-NAME` sets to false. */
  negatable?: readonly string[];
  /** Other names of a name. */
  alias?: Record<string, string | readonly string[]>;
  /** Everything from the first argument that is not an option on goes to `_`. */
  stopEarly?: boolean;
  /** What comes behind `--` goes to `"--"` and not to `_`. */
  "--"?: boolean;
  /** Called for each argument that is not declared; `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Cannot be in an argument: the operating system ends arguments with it. */
const MARK = "\0";

function unmark(arg: string): string {
  return arg.endsWith(`=${MARK}`) ? arg.slice(0, -2) : arg;
}

/** Parses command-line arguments. */
export function parseArgs(
  args: string[],
  options: ParseOptions = {},
): Record<string, unknown> & { _: (string | number)[] } {
  const { boolean = [], string = [], collect = [], negatable = [], alias = {} } = options;
  const declared = new Set([...boolean, ...string, ...Object.keys(alias)]);
  for (const names of Object.values(alias)) for (const name of [names].flat()) declared.add(name);

  // minimist takes --no-NAME of every name as its own; std wants that declared. As --no-NAME=VALUE
  // it is a name like any other; where it turns out to be a plain argument it is put back.
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const marked = args.map((arg, i) => {
    const name = i < end ? /^--no-([^=]+)$/.exec(arg)?.[1] : undefined;
    return name === undefined || negatable.includes(name) ? arg : `${arg}=${MARK}`;
  });

  const parsed = minimist(marked, {
    boolean: [...boolean],
    string: [...string],
    alias: Object.fromEntries(Object.entries(alias).map(([k, v]) => [k, [v].flat()])),
    stopEarly: options.stopEarly ?? false,
    "--": options["--"] ?? false,
    unknown: (word: string) => {
      const arg = unmark(word);
      // minimist asks for options and for plain arguments, with the whole word.
      const match = /^-+([^=]+)(?:=([^]*))?$/.exec(arg);
      if (match === null) return options.unknown?.(arg) !== false;
      const [, key = "", value] = match;
      if (declared.has(key)) return true;
      return options.unknown?.(arg, key, value ?? true) !== false;
    },
  });

  for (const [key, value] of Object.entries(parsed)) {
    if (value === MARK) parsed[key] = true;
  }
  parsed._ = parsed._.map((arg: string | number) => typeof arg === "string" ? unmark(arg) : arg);
  for (const name of [...boolean, ...string]) {
    if (name === "_") continue;
    const value: unknown = parsed[name];
    if (collect.includes(name)) parsed[name] = value === undefined ? [] : [value].flat();
    else if (Array.isArray(value)) parsed[name] = value.at(-1); // given twice: the last one holds
  }
  return parsed;
}
