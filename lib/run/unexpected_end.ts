// An unexpected end of a program on this computer: what is known of it, gathered where it is to be found.

import type { Program } from "../experiment/program.ts";
import { corePattern, describeCore } from "../process/core_file.ts";
import type { MemoryVerdict } from "../process/out_of_memory.ts";
import type { Ended } from "../process/start_contract.ts";
import { isGoodEnd, type Machine, type ProgramEvent } from "./program_state.ts";
import { describeEnd, duration, type Verdict } from "./verdict.ts";

/** What a step of the table has of an unexpected end. */
export interface EndInStep {
  /** How its process ended; `undefined`: it is still to end, or it never was. */
  readonly ended: Ended | undefined;
  /** Why it ends, where that is not its own doing. */
  readonly cause: string | undefined;
  /** How long it ran, in seconds, if its process does not tell. */
  readonly ranSec: number | undefined;
}

/** A step of the table, and what is known with it. */
export interface StepTaken {
  readonly before: Machine;
  readonly after: Machine;
  readonly event: ProgramEvent;
  /** How its process ended, if the step is about that. */
  readonly ended: Ended | undefined;
  readonly program: Program;
  /** On the clock of the machine, in milliseconds. */
  readonly now: number;
}

/** The unexpected end in a step of the table; `undefined`: there is none. */
export function unexpectedEnd(step: StepTaken): EndInStep | undefined {
  const { before, after, event, ended, program, now } = step;
  if (event.type === "aliveFailed") {
    return { ended: undefined, cause: event.reason, ranSec: (now - before.since) / 1000 };
  }
  if (event.type === "spawnFailed") {
    return { ended: undefined, cause: event.reason, ranSec: undefined };
  }
  const wasAlive = before.state === "starting" || before.state === "running";
  if (ended === undefined || !wasAlive) return undefined;
  const isBad = after.state === "backoff" || after.state === "fatal";
  if (!isBad && isGoodEnd(program, ended.code, ended.signal)) return undefined;
  const isHidden = event.type === "exited" && event.left !== undefined;
  return { ended, cause: isHidden ? after.reason : undefined, ranSec: undefined };
}

/** What {@linkcode verdictOf} goes by. */
export interface UnexpectedEnd extends EndInStep {
  /** Where it is now, after the end. */
  readonly machine: Machine;
  readonly program: Program;
  /** What is known of it, if it ended by SIGKILL. */
  readonly memory: MemoryVerdict | undefined;
  readonly lastLines: readonly string[];
  /** On the clock of the machine, in milliseconds. */
  readonly now: number;
}

/** What the table does about an end, in words. */
function nextInWords({ state, next, deadline, failures }: Machine, now: number): string {
  if (state === "starting") return "it is started again at once";
  if (state === "backoff") {
    return `it is started again in ${duration(((deadline ?? now) - now) / 1000)}`;
  }
  if (state === "stopping" && next !== "stopped") {
    return failures > 1
      ? "it is stopped, and started again after the back-off"
      : "it is stopped and started again";
  }
  return state === "fatal" ? "it is not tried again" : "it is not started again";
}

/** What is known of an unexpected end. */
export function verdictOf(end: UnexpectedEnd): Verdict {
  const { ended, cause, machine, program, memory, lastLines, now } = end;
  const { code, signal, pid, started, coreDumped = false } = ended ?? {};
  const time = ended?.ended ?? Date.now() / 1000;
  return describeEnd({
    time,
    cause,
    code,
    signal,
    core: coreDumped ? describeCore(corePattern(), pid, program.cwd) : undefined,
    ...(memory ?? { outOfMemory: "no" }),
    ranSec: started === undefined ? end.ranSec : Math.max(0, time - started),
    restarts: machine.restarts - (machine.state === "starting" ? 1 : 0),
    lastLines,
    isGood: isGoodEnd(program, code, signal),
    next: nextInWords(machine, now),
  });
}
