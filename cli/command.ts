// What a subcommand is: options, arguments, one function that returns the exit code.

import type { Permission } from "../lib/permissions.ts";

/** Exit codes of every subcommand. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** Wrong usage: said with a hint to `--help`, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Something that was asked for cannot be done: said in one line, exit code 1. */
export class CommandError extends Error {
  override name = "CommandError";
}

/** One option of a subcommand. */
export interface OptionSpec {
  /** `flag` is true or false; `number` is not negative; `seconds` takes `30`, `30s`, `5m`, `8h`, `2d`. */
  readonly type: "flag" | "text" | "number" | "seconds" | "list";
  /** What stands for the value in the help. */
  readonly value?: string;
  /** What it does, in a few words. */
  readonly help: string;
  /** What holds if it is not given. */
  readonly default?: string | number;
  /** One letter. */
  readonly short?: string;
  /** An environment variable that holds if the option is not given. */
  readonly env?: string;
}

/** The options of a subcommand, by their name without the dashes. */
export type OptionSpecs = { readonly [name: string]: OptionSpec };

type ValueOf<S extends OptionSpec> = S["type"] extends "flag" ? boolean
  : S["type"] extends "list" ? readonly string[]
  : S["type"] extends "text"
    ? (S extends { readonly default: string } ? string : string | undefined)
  : S extends { readonly default: number } ? number
  : number | undefined;

/** The values of a subcommand's options, typed by their specs. */
export type OptionValues<S extends OptionSpecs> = { readonly [N in keyof S]: ValueOf<S[N]> };

/** What a subcommand gets of the world. */
export interface Context<S extends OptionSpecs = OptionSpecs> {
  readonly options: OptionValues<S>;
  /** What stands on the command line beside the options. */
  readonly args: readonly string[];
  /** What stands behind `--`. */
  readonly rest: readonly string[];
  /** Aborted by the first Ctrl-C or SIGTERM: end in order. */
  readonly stop: AbortSignal;
  /** Aborted by the second Ctrl-C: end at once. */
  readonly kill: AbortSignal;
  /** Calls the handler at each SIGHUP. */
  onHangup(handler: () => void): void;
}

/** A subcommand. */
export interface Command<S extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** One line for `abcd help`. */
  readonly summary: string;
  /** The arguments beside the options, as the help shows them: `FILE`, `[NAME]`. Default: none. */
  readonly usage?: string;
  /** More of it for `--help`, in paragraphs. */
  readonly description?: string;
  readonly options: S;
  /** Command lines that work, each with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Least and most arguments beside the options. Default 0, 0. */
  readonly arity?: readonly [least: number, most: number];
  /** Options end at the first argument: the rest is somebody else's command line. */
  readonly stopEarly?: boolean;
  /** The permissions of Deno that it works with; the others are given back before it runs. Default: all. */
  readonly needs?: readonly Permission[];
  /** Not shown in `abcd help`: for abcd's own use. */
  readonly hidden?: boolean;
  /** Does it. Returns the exit code; what it throws is said in one line, and is exit code 1 or 2. */
  run(context: Context<S>): Promise<number>;
}

/** Lets TypeScript infer the options' types from their specs. */
export function defineCommand<const S extends OptionSpecs>(command: Command<S>): Command<S> {
  return command;
}

/** Resolves when the signal is, or was, aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
