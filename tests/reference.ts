// The README's reference of the command line, made from the command table: `deno task reference` writes
// it, and a test compares. It stands between two comments of the README.

import type { Command } from "../cli/command.ts";
import { COMMAND_NAMES, loadCommand } from "../cli/commands.ts";
import { optionRow } from "../cli/help.ts";
import { type NamedOption, optionGroups, SHARED_GROUPS } from "../cli/option_groups.ts";

const README = new URL("../README.md", import.meta.url);
const BEGIN = "<!-- made from the command table by: deno task reference -->";
const END = "<!-- end of what is made -->";

/** Text inside a table's cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "\\<");
}

function optionTable(options: readonly NamedOption[]): string {
  const rows = options.map(([name, spec]) => {
    const [written, what] = optionRow(name, spec);
    return `| \`${written.replaceAll("|", "\\|")}\` | ${cell(what)} |`;
  });
  return ["| option | what it does |", "| --- | --- |", ...rows].join("\n");
}

/** The anchor that a heading gets. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-");
}

function section(command: Command): string {
  const { name, summary, usage } = command;
  const parts = [
    `#### abcd ${name}`,
    `\`abcd ${name}${usage === undefined ? "" : ` ${usage}`}\`: ${cell(summary)}.`,
  ];
  const shared: string[] = [];
  const own: NamedOption[] = [];
  for (const { title, options } of optionGroups(command)) {
    const group = SHARED_GROUPS.find((one) => one.title === title);
    // A few of a group are shown where they are used; the whole of one stands once.
    if (group === undefined || options.length < Object.keys(group.options).length) {
      own.push(...options);
    } else {
      shared.push(`[${title.toLowerCase()}](#${anchor(title)})`);
    }
  }
  if (own.length > 0) parts.push(optionTable(own));
  if (shared.length > 0) {
    parts.push(`${own.length > 0 ? "And" : "It has"} the options ${shared.join(", ")}.`);
  }
  return parts.join("\n\n");
}

/** All of it. */
export async function reference(): Promise<string> {
  const commands = (await Promise.all(COMMAND_NAMES.map(loadCommand))).filter((one) => !one.hidden);
  return [
    [
      "| subcommand | what it does |",
      "| --- | --- |",
      ...commands.map(({ name, summary }) =>
        `| [\`${name}\`](#${anchor(`abcd ${name}`)}) | ${cell(summary)} |`
      ),
    ].join("\n"),
    ...commands.map(section),
    "Options that several subcommands share:",
    ...SHARED_GROUPS.map(({ title, options }) =>
      `#### ${title}\n\n${optionTable(Object.entries(options))}`
    ),
  ].join("\n\n");
}

/** The README with the reference as it should be. */
export async function withReference(readme: string): Promise<string> {
  const begin = readme.indexOf(BEGIN), end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`Cannot find "${BEGIN}" and "${END}" in README.md`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${await reference()}\n\n${readme.slice(end)}`;
}

if (import.meta.main) {
  await Deno.writeTextFile(README, await withReference(await Deno.readTextFile(README)));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", README.pathname] }).output();
}
