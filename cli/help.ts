// The help texts, made from the command table.

import { showBytes, showSeconds } from "../lib/units.ts";
import type { Command, OptionSpec } from "./command.ts";
import { optionGroups } from "./option_groups.ts";

function table(rows: readonly (readonly [string, string])[], width: number): string {
  const left = Math.min(34, Math.max(0, ...rows.map(([a]) => a.length)));
  return rows.map(([a, b]) => {
    const indent = " ".repeat(left + 4);
    const lines = wrap(b, Math.max(24, width - left - 4));
    const first = a.length > left ? `  ${a}\n${indent}` : `  ${a.padEnd(left)}  `;
    return first + lines.join(`\n${indent}`);
  }).join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function defaultText({ type, value, default: held }: OptionSpec): string {
  if (typeof held !== "number") return `${held}`;
  if (type === "seconds") return showSeconds(held);
  return value === "BYTES" ? showBytes(held) : `${held}`;
}

/** How an option is written, and what it does. */
export function optionRow(name: string, spec: OptionSpec): [string, string] {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const value = spec.type === "flag"
    ? ""
    : ` ${
      spec.value ?? { text: "TEXT", number: "N", seconds: "DURATION", list: "TEXT" }[spec.type]
    }`;
  const notes = [
    spec.default === undefined ? "" : `default ${defaultText(spec)}`,
    spec.env === undefined ? "" : `else $${spec.env}`,
    spec.type === "list" ? "repeatable" : "",
  ].filter((note) => note !== "");
  return [
    `${short}--${name}${value}`,
    spec.help + (notes.length === 0 ? "" : ` (${notes.join("; ")})`),
  ];
}

/** The text of `abcd SUBCOMMAND --help`. */
export function commandHelp(command: Command, width = 80): string {
  const parts = [
    `abcd ${command.name}: ${command.summary}`,
    `Usage: abcd ${command.name} ${
      command.usage === undefined ? "" : `${command.usage} `
    }[OPTIONS]`,
  ];
  for (const paragraph of command.description?.split("\n\n") ?? []) {
    // An indented paragraph is a sample, and stays as it is.
    parts.push(paragraph.startsWith(" ") ? paragraph : wrap(paragraph, width).join("\n"));
  }
  const groups = optionGroups(command);
  if (groups[0]?.title !== "Options") groups.unshift({ title: "Options", options: [] });
  for (const { title, options } of groups) {
    const rows = options.map(([name, spec]) => optionRow(name, spec));
    if (title === "Options") rows.push(["-h, --help", "show this"]);
    parts.push(`${title}:\n${table(rows, width)}`);
  }
  const examples = command.examples.map(([line, what]) => `  ${line}\n      ${what}`);
  if (examples.length > 0) parts.push(`Examples:\n${examples.join("\n")}`);
  return parts.join("\n\n");
}

/** The text of `abcd help`. */
export function generalHelp(commands: readonly Command[], version: string, width = 80): string {
  const rows = commands.filter((c) => !(c.hidden ?? false)).map((
    c,
  ): [string, string] => [c.name, c.summary]);
  return [
    `abcd ${version}: the Autonomous Bariloche Central DAQ. One program that runs an experiment.`,
    "Usage: abcd SUBCOMMAND [OPTIONS]",
    `Subcommands:\n${table(rows, width)}`,
    `Try it here and now, on simulated instruments:
  abcd init                              writes damicm.jsonc into this folder
  abcd run damicm.jsonc --with-server    runs it; Ctrl-C ends it
  abcd spy                               in another terminal: every message`,
    'Run "abcd SUBCOMMAND --help" for its options and examples.',
  ].join("\n\n");
}
