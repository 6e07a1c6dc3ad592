// What a host agent may start: experiments that its operator trusts as a whole, else single commands.

import { decide, type Policy } from "../exec/policy.ts";
import type { Program } from "../experiment/program.ts";

/** What the operator of a host agent has allowed. */
export interface AgentPolicy {
  /** Experiments whose programs may all run, whatever they are. */
  readonly experiments: readonly string[];
  /** Folders whose programs any experiment may run, with any arguments; absolute. */
  readonly folders: readonly string[];
  /** Commands that any experiment may run. */
  readonly commands: Policy;
}

/** Whether an experiment may run a program, as which command line; or why not. */
export type Permission =
  | { readonly allowed: true; readonly argv: readonly string[] }
  | { readonly allowed: false; readonly text: string };

/** How an operator allows all of an experiment. */
export function howToAllow(experiment: string): string {
  return `its operator can allow it with --allow-experiment ${experiment}`;
}

/** Whether anything of an experiment could be allowed; if not, there is no use in asking. */
export function mayControl(policy: AgentPolicy, experiment: string): boolean {
  const { experiments, folders, commands } = policy;
  return experiments.includes(experiment) || folders.length > 0 || commands.allowAll ||
    commands.rules.length > 0;
}

/** Whether a command lies in one of the folders, by its written path: `..` is not followed. */
function inFolder(command: string, folders: readonly string[]): string | undefined {
  const at = command.lastIndexOf("/");
  const name = command.slice(at + 1);
  if (name === "" || name === "." || name === "..") return undefined;
  if (at < 0) return undefined;
  const folder = command.slice(0, at);
  return folders.includes(folder) ? command : undefined;
}

function permitCommand(policy: AgentPolicy, argv: readonly string[]): Permission {
  const [command = ""] = argv;
  if (inFolder(command, policy.folders) !== undefined) return { allowed: true, argv };
  const decision = decide(policy.commands, { argv });
  return decision.allowed
    ? { allowed: true, argv: decision.argv }
    : { allowed: false, text: decision.text };
}

/**
 * Whether an experiment may run a program here. Where only commands are allowed, a program may not
 * bring variables along: one like LD_PRELOAD would make another command of it.
 */
export function permit(policy: AgentPolicy, experiment: string, program: Program): Permission {
  if (policy.experiments.includes(experiment) || policy.commands.allowAll) {
    return { allowed: true, argv: program.argv };
  }
  const refuse = (text: string): Permission => ({
    allowed: false,
    text: `${text}; ${howToAllow(experiment)}`,
  });
  const variables = Object.keys(program.env);
  if (variables.length > 0) return refuse(`Not allowed: variables (${variables.join(", ")})`);
  for (const probe of [program.ready, program.alive]) {
    if (probe?.check.kind !== "exec") continue;
    const permission = permitCommand(policy, probe.check.argv);
    if (!permission.allowed) return refuse(permission.text);
  }
  const permission = permitCommand(policy, program.argv);
  return permission.allowed ? permission : refuse(permission.text);
}
