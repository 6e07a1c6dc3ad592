// The options of a subcommand in groups: its own first, then those that it shares with others.

import type { Command, OptionSpec, OptionSpecs } from "./command.ts";
import { CLIENT_OPTIONS, HUB_OPTIONS, JOURNAL_OPTIONS, LOG_OPTIONS } from "./shared_options.ts";
import { CONTROL_OPTIONS } from "./control.ts";

/** Options under one title. */
export interface OptionGroup {
  readonly title: string;
  readonly options: OptionSpecs;
}

/** What several subcommands share, each under the title that it has in every help. */
export const SHARED_GROUPS: readonly OptionGroup[] = [
  { title: "Ports and limits of the hub", options: HUB_OPTIONS },
  { title: "Journal of the hub", options: JOURNAL_OPTIONS },
  {
    title: "The run controller that is asked",
    options: { controller: CONTROL_OPTIONS.controller, timeout: CONTROL_OPTIONS.timeout },
  },
  { title: "Which hub to join", options: CLIENT_OPTIONS },
  { title: "Log", options: LOG_OPTIONS },
];

/** An option with its name. */
export type NamedOption = readonly [name: string, spec: OptionSpec];

/** The options of a subcommand; its own stand under "Options". An option is shared if it is the same object. */
export function optionGroups(
  command: Command,
): { readonly title: string; readonly options: readonly NamedOption[] }[] {
  const all = Object.entries(command.options);
  const groupOf = ([name, spec]: NamedOption) =>
    SHARED_GROUPS.find(({ options }) => options[name] === spec)?.title ?? "Options";
  return ["Options", ...SHARED_GROUPS.map(({ title }) => title)].map((title) => ({
    title,
    options: all.filter((option) => groupOf(option) === title),
  })).filter(({ options }) => options.length > 0);
}
