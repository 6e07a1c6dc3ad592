// What the subcommands for data-taking runs share: who asks, and a request that takes its time while
// it is shown how it goes.

import { readRunStatus } from "../lib/status/read_run_status.ts";
import type { RunStatus } from "../lib/status/run_status.ts";
import { runTopic } from "../lib/status/topics.ts";
import { computerName, environment } from "../lib/environment.ts";
import type { Json } from "../lib/message.ts";
import { describeRun } from "../lib/terminal/run_text.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { CommandError, type OptionSpecs } from "./command.ts";
import { CONTROL_OPTIONS, type ControlValues, openController } from "./control.ts";

/** Of the subcommands that wait for all programs of a run. */
export const RUN_OPTIONS = {
  wait: {
    type: "seconds",
    value: "SECONDS",
    default: 600,
    help: "wait this long for all programs; the controller goes on with it all the same",
  },
  ...CONTROL_OPTIONS,
} as const satisfies OptionSpecs;

/** Who types this: `somebody@computer`. */
export function whoAsks(): string {
  const user = environment("USER") ?? environment("LOGNAME") ?? "somebody";
  return `${user}@${computerName() ?? "somewhere"}`.slice(0, 200);
}

/** A run in a sentence, safe for the terminal. */
export function sentence(run: RunStatus): string {
  return escapeControls(describeRun(run));
}

/**
 * Asks the controller to start or to stop a run, and says how it goes until it is done.
 *
 * @throws {CommandError} If it refuses, comes to nothing, or goes.
 */
export async function askForRun(
  cmd: "start-run" | "stop-run",
  options: ControlValues & { readonly wait: number },
  fields: { readonly [field: string]: Json | undefined },
  stop: AbortSignal,
): Promise<RunStatus> {
  await using controller = await openController(cmd, options, stop);
  const { client, name } = controller;
  const gone = new AbortController();
  let said = "";
  const offs = [
    client.subscribe(runTopic(name), (message) => {
      if (message.from !== name || message.retained === true) return;
      const run = readRunStatus({ ...message });
      if (run === undefined || run.phase === "idle" || run.phase === "running") return;
      const words = sentence(run);
      if (words !== said) console.log(said = words);
    }),
    client.subscribe("_hub/left", (message) => {
      if (message.name !== name) return;
      const text =
        `"${name}" has left the hub, and nobody knows what became of the run; when it is ` +
        `back, "abcd runs" tells`;
      gone.abort(new CommandError(text));
    }),
    client.addEventListener("lost", ({ reason }) => {
      const text = `The hub was lost (${reason}); "${name}" goes on with the run: ask "abcd runs"`;
      gone.abort(new CommandError(text));
    }),
  ];
  await client.flush({ timeoutSec: options.timeout, signal: stop });
  try {
    const signal = AbortSignal.any([stop, gone.signal]);
    const answer = await controller.ask(cmd, { ...fields, by: whoAsks() }, {
      timeoutSec: options.wait,
      signal,
    });
    const run = readRunStatus({ ...answer });
    if (run === undefined) throw new CommandError(`"${name}" says nothing of a run`);
    return run;
  } catch (error) {
    if (gone.signal.aborted) throw gone.signal.reason;
    if (stop.aborted) throw new CommandError(`Not waited for; "${name}" goes on with it`);
    throw error;
  } finally {
    for (const off of offs) off();
  }
}
