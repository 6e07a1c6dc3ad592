// What the controller knows of a program, wherever that runs. local_runner.ts is the one for this
// computer; another place is another file that gives this.

import type { Log } from "../log.ts";
import type { ProcessStat } from "../process/proc_fs.ts";
import type { ProgramLog } from "../process/program_log.ts";
import type { Program } from "../experiment/program.ts";
import type { Machine, ProgramEvent } from "./program_state.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import type { ProgramRecord } from "./record.ts";
import type { Verdict } from "./verdict.ts";

/** What every runner is given of the rest. Everything is called at once, from inside an event. */
export interface RunnerContext {
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Where the program's output goes. */
  readonly logPath: (program: string) => string;
  /** It is another state, or ready. */
  readonly changed: (runner: Runner) => void;
  readonly verdict: (runner: Runner, verdict: Verdict) => void;
}

/** To the tick in which several things that happen at once are looked at together, in milliseconds. */
export const SOON_MS = 10;
/** Time between two ticks of a program that is on its way somewhere, in milliseconds. */
export const TICK_MS = 100;
/** The same of one that runs well or not at all. */
export const CALM_MS = 1000;

/** What a tick brings along. */
export interface Tick {
  /** Time for what is done about once a second. */
  readonly isPoll: boolean;
  /** Whether there is such a process; one cheap look serves all programs. */
  readonly isThere: (pid: number) => boolean;
  /** One look at all processes, which serves all programs. */
  readonly processes: () => readonly ProcessStat[];
}

/** A program of the experiment. */
export interface Runner extends Disposable {
  readonly program: Program;
  readonly machine: Machine;
  /** Its output, if that is on this computer. */
  readonly output: ProgramLog | undefined;
  /** Its last unexpected ends, oldest first. */
  readonly verdicts: readonly Verdict[];
  /** Whether it runs, or may run for all that is known. */
  readonly mayRun: boolean;
  /** Why it is not stopped although it was told to, and was killed; `undefined`: it can be stopped. */
  readonly unstoppable: string | undefined;
  /** Why what it writes cannot be read, and what to do; `undefined`: as far as is known it can be. */
  readonly lostLog: string | undefined;
  fire(event: ProgramEvent): void;
  /** Looks at once what has become of it: something says that it has ended. */
  look(): void;
  /** It can wait this long for its next tick, in milliseconds; {@linkcode CALM_MS} at most. */
  readonly patienceMs: number;
  /** Lets time pass. */
  tick(tick: Tick): void;
  /** Asks its probes; something that they look at has changed. */
  probe(): void;
  /** Measures what it uses. */
  measure(processes: () => readonly ProcessStat[]): void;
  status(): ProgramStatus;
  /** Gives it other settings, which hold from its next start; a running one is restarted. */
  change(program: Program): void;
  /** Takes up what a controller before this one left. */
  restore(record: ProgramRecord): void;
  /** Writes down again what its start has written of itself: somebody has removed that. */
  remember(): void;
  /** Writes down that it was stopped by the end of the controller. */
  close(): void;
  /** It is stopped, and nothing of it is to be kept where it ran. */
  forget(): void;
}
