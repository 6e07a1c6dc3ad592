// Command lines: arguments → typed option values, or a UsageError that says what was meant.

import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "../lib/nearest.ts";
import { parseBytes, parseDuration } from "../lib/units.ts";
import {
  type Command,
  type OptionSpec,
  type OptionSpecs,
  type OptionValues,
  UsageError,
} from "./command.ts";

/** A command line, read. */
export interface ParsedLine<S extends OptionSpecs> {
  options: OptionValues<S>;
  args: string[];
  rest: string[];
  help: boolean;
}

function didYouMean(word: string, known: readonly string[], prefix = ""): string {
  const name = nearest(word, known);
  return name === undefined ? "" : `; did you mean ${prefix}${name}?`;
}

/** The error for a subcommand that is not there. */
export function unknownCommand(word: string, known: readonly string[]): UsageError {
  return new UsageError(
    `Cannot find subcommand "${word}"${didYouMean(word, known)}\nRun "abcd help" for the list`,
  );
}

function readValue(name: string, spec: OptionSpec, text: string): string | number {
  if (spec.type === "text") return text;
  const value = spec.type === "seconds"
    ? parseDuration(text)
    : spec.value === "BYTES"
    ? parseBytes(text)
    : /^\d+(\.\d+)?$/.test(text)
    ? Number(text)
    : undefined;
  const isPort = spec.value === "PORT";
  if (value !== undefined && !(isPort && !(Number.isInteger(value) && value <= 65535))) {
    return value;
  }
  const wanted = spec.type === "seconds"
    ? "a length of time, like 30, 5m or 8h"
    : spec.value === "BYTES"
    ? "a number of bytes, like 65536, 64k or 16M"
    : isPort
    ? "a port: 0 to 65535"
    : "a number";
  throw new UsageError(`Cannot read --${name}: ${JSON.stringify(text)} is not ${wanted}`);
}

/**
 * Reads a subcommand's arguments.
 *
 * @throws {UsageError} At an option that is not there, a value that is none, too few or too many
 * arguments.
 */
export function parseLine<S extends OptionSpecs>(
  command: Command<S>,
  argv: readonly string[],
  env: (name: string) => string | undefined,
): ParsedLine<S> {
  const specs: OptionSpecs = command.options;
  const names = Object.keys(specs);
  const known = [...names.map((n) => `--${n}`), "--help"];
  const flags = names.filter((n) => specs[n]?.type === "flag");
  const alias: Record<string, string> = { h: "help" };
  for (const name of names) {
    const short = specs[name]?.short;
    if (short !== undefined) alias[short] = name;
  }
  const given = parseArgs([...argv], {
    boolean: ["help", ...flags],
    // "_": arguments stay as they are written, "007" and "1e3" too.
    string: ["_", ...names.filter((n) => !flags.includes(n))],
    collect: names.filter((n) => !flags.includes(n)),
    alias,
    stopEarly: command.stopEarly ?? false,
    "--": true,
    unknown: (arg, key) => {
      if (key === undefined || !arg.startsWith("-") || arg === "-") return true;
      const word = arg.split("=", 1)[0] ?? arg;
      throw new UsageError(
        `Cannot find option ${word} of "abcd ${command.name}"${didYouMean(word, known)}`,
      );
    },
  }) as Record<string, unknown>;

  const options: Record<string, unknown> = {};
  for (const name of names) {
    const spec = specs[name];
    if (spec === undefined) continue;
    if (spec.type === "flag") {
      options[name] = given[name] === true;
      continue;
    }
    const texts = [given[name] ?? []].flat().map(String);
    if (texts.includes("")) {
      throw new UsageError(`Cannot read --${name}: it needs a value (${spec.value ?? "VALUE"})`);
    }
    const fromEnv = spec.env === undefined ? undefined : env(spec.env);
    if (texts.length === 0 && fromEnv !== undefined && fromEnv !== "") texts.push(fromEnv);
    if (spec.type === "list") {
      options[name] = texts;
    } else {
      const text = texts.at(-1);
      options[name] = text === undefined ? spec.default : readValue(name, spec, text);
    }
  }
  const args = ([given._ ?? []].flat()).map(String);
  const rest = ([given["--"] ?? []].flat()).map(String);
  const help = given.help === true;
  const [least, most] = command.arity ?? [0, 0];
  if (!help && (args.length < least || args.length > most)) {
    const usage = `abcd ${command.name} ${command.usage ?? ""}`.trim();
    throw new UsageError(
      args.length < least
        ? `Cannot run "abcd ${command.name}": it needs ${
          command.usage ?? "an argument"
        }\nUsage: ${usage}`
        : `Cannot run "abcd ${command.name}": "${
          args[most]
        }" is one argument too many\nUsage: ${usage}`,
    );
  }
  return { options: options as OptionValues<S>, args, rest, help };
}
