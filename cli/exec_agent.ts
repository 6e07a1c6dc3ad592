// abcd exec --agent: the host agent of this computer, and what it leaves behind.

import type { Client } from "../lib/client.ts";
import { computerName } from "../lib/environment.ts";
import { type Agent, startAgent } from "../lib/hosts/agent.ts";
import type { AgentPolicy } from "../lib/hosts/agent_policy.ts";
import type { Log } from "../lib/log.ts";
import { isClientName } from "../lib/message.ts";
import { LockedError } from "../lib/run/state_folder.ts";
import { CommandError, EXIT, UsageError } from "./command.ts";

/**
 * A folder that an option names, as a path that means the same in every working folder.
 *
 * @throws {UsageError} If it is none.
 */
export function realFolder(path: string): string {
  try {
    if (Deno.statSync(path).isDirectory) return Deno.realPathSync(path);
  } catch (error) {
    throw new UsageError(
      `Cannot take the folder ${path}: ${error instanceof Error ? error.message : error}`,
    );
  }
  throw new UsageError(`Cannot take the folder ${path}: it is no folder`);
}

/** The name that a host agent has if nobody says one: the computer's, without its domain. */
export function ownName(): string {
  const name = (computerName() ?? "").replace(/\..*$/, "");
  if (isClientName(name)) return name;
  throw new UsageError(`Cannot be named as this computer ("${name}"): give a --name`);
}

/**
 * Starts the host agent of a client, which is closed if that cannot be.
 *
 * @throws {CommandError} If another agent of this name runs on this computer.
 */
export async function agentOf(
  client: Client,
  policy: AgentPolicy,
  options: {
    readonly folder: string | undefined;
    readonly server: string | undefined;
    readonly "beacon-port": number;
  },
  log: Log,
): Promise<Agent> {
  const state = Deno.env.get("XDG_STATE_HOME") || `${Deno.env.get("HOME") ?? "."}/.local/state`;
  Deno.mkdirSync(state, { recursive: true });
  try {
    return await startAgent({
      client,
      log,
      policy,
      statePath: `${Deno.realPathSync(state)}/abcd/agents/${client.name}`,
      workFolder: realFolder(options.folder ?? "."),
      server: options.server,
      beaconPort: options["beacon-port"],
    });
  } catch (error) {
    await client.close();
    if (!(error instanceof LockedError)) throw error;
    throw new CommandError(error.message);
  }
}

/** Says what goes on without this agent. */
export function leave(agent: Agent | undefined, log: Log): number {
  for (const programs of agent?.running() ?? []) {
    log.info(`left running, for the next agent to take up: ${programs}`);
  }
  return EXIT.done;
}
