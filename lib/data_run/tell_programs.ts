// Telling the programs of an experiment: that a run starts or stops, that all is to be safe.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import { clientOf, type Program } from "../experiment/program.ts";
import type { RunsController } from "./runs_controller.ts";
import type { RunRecord } from "./run_record.ts";
import { type RunMachine, type Transition, verdictOf } from "./run_state.ts";
import { tellProgram, type Told } from "./tell.ts";

/** What {@linkcode createTeller} works with. */
export interface TellerOptions {
  readonly controller: RunsController;
  readonly client: Client;
  readonly log: Log;
  /** The run as it is when somebody is told of it. */
  readonly machine: () => RunMachine;
  readonly record: () => RunRecord | undefined;
  /** All is being stopped: nobody who is away is waited for. */
  readonly isEnding: () => boolean;
}

/** Tells programs; until it is disposed of, then those that are waited for count as silent. */
export interface Teller extends Disposable {
  /** Tells one that takes part; `isAgain`: it comes back into a run that goes on. */
  transition(cmd: Transition, program: string, isAgain?: boolean): Promise<Told>;
  /** Tells all that have a client, at the same time. */
  safe(cmd: "safe" | "safe-end", reason?: string): void;
  /** Tells one that the experiment is safe. */
  safeOne(program: string, reason: string): void;
}

/** What a program that is no longer in the file has to answer, in seconds. */
const DEFAULT_SEC = 30;

/** Makes it. */
export function createTeller(options: TellerOptions): Teller {
  const { controller, client, log, machine, record, isEnding } = options;
  const over = new AbortController();

  const find = (name: string): Program | undefined =>
    controller.experiment.programs.find((one) => one.name === name);

  function messageOf(cmd: Transition, program: string, isAgain: boolean) {
    const kept = record();
    const part = kept?.participants.find((one) => one.program === program);
    const to = part?.client ?? program;
    const common = { cmd, to, experiment: controller.experiment.name, run: kept?.run };
    if (cmd === "run-start") {
      const again = isAgain ? { again: true } : {};
      return { ...common, label: kept?.label ?? "", config: find(program)?.config ?? {}, ...again };
    }
    const { run } = machine();
    if (run === undefined) return common;
    const verdict = verdictOf(run);
    return { ...common, verdict, aborted: verdict === "aborted", reason: run.reason };
  }

  async function tellSafe(program: Program, cmd: "safe" | "safe-end", reason?: string) {
    const { name, transitionSec: timeoutSec } = program;
    const { name: experiment } = controller.experiment;
    const message = { cmd, to: clientOf(program), experiment, reason };
    const { signal } = over;
    const told = await tellProgram(client, message, { timeoutSec, isPatient: false, signal });
    if (told.ok) return log.info(`${name}: ${cmd}: yes`);
    const text = `${name}: ${cmd}: ${told.text}`;
    if (!told.silent && told.isAway !== true) return log.error(text);
    // Most programs have no client, or nothing to do then. Of those that matter it is to be known.
    const matters = program.essential || program.required || program.runOrder !== undefined;
    if (matters && cmd === "safe") log.warn(text);
    else log.debug(text);
  }

  return {
    async transition(cmd, program, isAgain = false) {
      const message = messageOf(cmd, program, isAgain);
      // Not from inside the step that asks for it; and what a controller before this one left is
      // taken up in the same turn.
      await Promise.resolve();
      const status = controller.status().programs.find(({ name }) => name === program);
      const { state = "not there" } = status ?? {};
      if (state !== "running") {
        return { ok: false, text: `it is ${state}`, silent: false, isAway: true };
      }
      if (isEnding() && !client.joined) {
        const text = "there is no hub to tell it through";
        return { ok: false, text, silent: true, isAway: true };
      }
      const timeoutSec = find(program)?.transitionSec ?? DEFAULT_SEC;
      const isPatient = (cmd === "run-stop" || isAgain) && !isEnding();
      return await tellProgram(client, message, { timeoutSec, isPatient, signal: over.signal });
    },
    safe(cmd, reason) {
      for (const program of controller.experiment.programs) tellSafe(program, cmd, reason);
    },
    safeOne(name, reason) {
      const program = find(name);
      if (program !== undefined) tellSafe(program, "safe", reason);
    },
    [Symbol.dispose]: () => over.abort(),
  };
}
