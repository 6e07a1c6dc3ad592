// What the runner of a program on this computer is given, and what it is beside a runner.

import type { Program } from "../experiment/program.ts";
import type { Looks } from "../process/look.ts";
import type { OutOfMemoryWatch } from "../process/out_of_memory.ts";
import type { ProcessStat } from "../process/proc_fs.ts";
import type { Start, StartOptions } from "../process/start_contract.ts";
import type { Presence } from "./presence.ts";
import type { ProgramRecord } from "./record.ts";
import type { Runner, RunnerContext } from "./runner.ts";

/** The processes of a computer. */
export interface Seen {
  readonly all: readonly ProcessStat[];
  /** When, on a monotonic clock, in milliseconds. */
  readonly at: number;
}

/** What starts processes on a computer, finds those that were started before, and looks at them. */
export interface Launcher {
  start(options: StartOptions): Start;
  adopt(id: string, base: string, logPath: string): Start;
  forget(id: string, base: string): void;
  /** What probes ask. */
  readonly looks: Looks;
  /**
   * The processes of its computer as they were seen last, and a look for the next time; `undefined`:
   * they were not seen yet. Absent: it is this computer.
   */
  seen?(): Seen | undefined;
}

/** What a local runner is given besides. Everything is called at once, from inside an event. */
export interface LocalContext extends RunnerContext {
  /** A new, unique id for a start, and the path of its files for an id. */
  readonly newId: (program: string) => string;
  readonly basePath: (id: string) => string;
  readonly presence: Presence;
  /** Of a program on a computer that is reached through ssh. Absent: it is on this one. */
  readonly launcher?: Launcher;
  readonly outOfMemory: OutOfMemoryWatch;
  /**
   * What to start a program with.
   *
   * @throws {NotAllowedError} If it may not be started here: it is given up then.
   */
  readonly command: (program: Program) => readonly string[];
  /** Beside what the controller itself has. */
  readonly environment: (program: Program) => { readonly [name: string]: string };
  readonly save: (name: string, record: ProgramRecord) => void;
  /** A start is over: its process has ended, and its group is gone or was told to be. */
  readonly over: (program: string, start: Start) => void;
}

/** A program may not be started on this computer. */
export class NotAllowedError extends Error {
  override name = "NotAllowedError";
}

/** A program on this computer. */
export interface LocalRunner extends Runner {
  /** Takes up a start of which no state was kept. */
  adopt(id: string): void;
}
