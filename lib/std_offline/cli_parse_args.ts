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

/** Parses command-line arguments. */
export function parseArgs(
  args: string[],
  options: ParseOptions = {},
): Record<string, unknown> & { _: (string | number)[] } {
  const { boolean = [], string = [], collect = [], negatable = [], alias = {} } = options;
  const declared = new Set([...boolean, ...string, ...Object.keys(alias)]);
  for (const names of Object.values(alias)) for (const name of [names].flat()) declared.add(name);

  const parsed = minimist(args, {
    boolean: [...boolean],
    string: ["_", ...string],
    alias: Object.fromEntries(Object.entries(alias).map(([k, v]) => [k, [v].flat()])),
    stopEarly: options.stopEarly ?? false,
    "--": options["--"] ?? false,
    unknown: (arg: string) => {
      // minimist asks for options and for plain arguments, with the whole word.
      const match = /^-+([^=]+)(?:=([^]*))?$/.exec(arg);
      if (match === null) return options.unknown?.(arg) !== false;
      const [, key = "", value] = match;
      if (declared.has(key)) return true;
      return options.unknown?.(arg, key, value ?? true) !== false;
    },
  });

  // --no-NAME is one of minimist's own ideas for every name; std wants it declared.
  for (const arg of args) {
    if (arg === "--") break;
    const name = /^--no-([^=]+)$/.exec(arg)?.[1];
    if (name !== undefined && !negatable.includes(name)) {
      options.unknown?.(arg, `no-${name}`, true);
      if (!boolean.includes(name)) delete parsed[name];
    }
  }
  for (const name of [...boolean, ...string]) {
    const value: unknown = parsed[name];
    if (collect.includes(name)) parsed[name] = value === undefined ? [] : [value].flat();
    else if (Array.isArray(value)) parsed[name] = value.at(-1); // given twice: the last one holds
  }
  return parsed;
}
