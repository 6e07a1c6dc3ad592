// The command table: every subcommand, in the order of the help.

import type { Command } from "./command.ts";
import { unknownCommand } from "./parse.ts";

/** Loaded when asked for: a start stays quick. */
const COMMANDS: { readonly [name: string]: () => Promise<{ default: Command }> } = {
  server: () => import("./server.ts"),
  key: () => import("./key.ts"),
  run: () => import("./run.ts"),
  status: () => import("./status.ts"),
  start: () => import("./start.ts"),
  stop: () => import("./stop.ts"),
  restart: () => import("./restart.ts"),
  reload: () => import("./reload.ts"),
  logs: () => import("./logs.ts"),
  why: () => import("./why.ts"),
  attach: () => import("./attach.ts"),
  "start-run": () => import("./start_run.ts"),
  "stop-run": () => import("./stop_run.ts"),
  runs: () => import("./runs.ts"),
  note: () => import("./note.ts"),
  safe: () => import("./safe.ts"),
  check: () => import("./check.ts"),
  spy: () => import("./spy.ts"),
  history: () => import("./history.ts"),
  replay: () => import("./replay.ts"),
  send: () => import("./send.ts"),
  exec: () => import("./exec.ts"),
  sim: () => import("./sim.ts"),
  init: () => import("./init.ts"),
  completion: () => import("./completion.ts"),
};

/** The names of all subcommands. */
export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

/**
 * A subcommand by its name.
 *
 * @throws {UsageError} If there is none; it names the nearest.
 */
export async function loadCommand(name: string): Promise<Command> {
  const loader = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (loader === undefined) {
    throw unknownCommand(name, [...COMMAND_NAMES, "help", "--help", "--version"]);
  }
  return (await loader()).default;
}
