// What a run controller is to those who use it, and what it is given.

import type { Client } from "../client.ts";
import type { Experiment } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";
import type { Log } from "../log.ts";
import type { ProgramLog } from "../process/program_log.ts";
import type { Alarm, Alarms } from "../status/alarms.ts";
import type { ExperimentStatus, ProgramStatus } from "../status/program_status.ts";
import type { Elsewhere, ElsewhereOptions, RemoteLines } from "./elsewhere.ts";
import type { Reloaded } from "./reload.ts";
import type { StateFolder } from "./state_folder.ts";
import type { Verdict } from "./verdict.ts";

/** What a run controller is given. */
export interface ControllerOptions {
  readonly experiment: Experiment;
  readonly log: Log;
  /** Where it keeps what the next controller must know; the caller closes it at the end. */
  readonly folder: StateFolder;
  /** Where the programs' output goes: `PROGRAM.log` each. */
  readonly logFolder: string;
  /** The hub's client, which may or may not be in a hub. Absent: none. */
  readonly client?: Client;
  /** The hub's address if it is known before the client joins. */
  readonly server?: string;
  /** UDP port on which the programs listen for the hub. Default: their own default. */
  readonly beaconPort?: number;
  /**
   * What to start a program with. Default: what its settings say.
   *
   * @throws {NotAllowedError} If it may not be started.
   */
  readonly command?: (program: Program) => readonly string[];
  /**
   * Whether the programs start from the beginning, in their order, after the computer was started
   * anew. `false`: one that ran is one that ended, for somebody else to judge. Default: true.
   */
  readonly startsAnew?: boolean;
  /** Opens what runs programs on other computers. Default: there are none. */
  readonly openElsewhere?: (options: ElsewhereOptions) => Elsewhere;
  /** Monotonic clock, in milliseconds. Default: one that counts no time in which this process is away. */
  readonly now?: () => number;
}

/** A running experiment. */
export interface Controller {
  /**
   * Takes up what a controller before this one left, and starts what is missing. `ends`: somebody has told
   * all to stop meanwhile; nothing is started then, and what runs is taken up to be stopped.
   */
  start(ends?: boolean): void;
  /** The file's content, as it was read last. */
  readonly experiment: Experiment;
  /** What somebody should look at. */
  readonly alarms: Alarms;
  /** What there is to know now. */
  status(): ExperimentStatus;
  /** Adds to what {@linkcode status} tells, from now on. */
  alsoTell(more: () => Partial<ExperimentStatus>): void;
  /** The programs' names, in the order of the file. */
  readonly names: readonly string[];
  /** What is told to some programs: `start`, `stop`, `restart`; `kill` stops at once. */
  tell(what: "start" | "stop" | "restart" | "kill", names: readonly string[]): void;
  verdicts(name: string): readonly Verdict[];
  /** A program's output, if it is on this computer. */
  output(name: string): ProgramLog | undefined;
  /** The last lines of those of these programs that are on hosts; new ones go to who follows. */
  remoteLines(names: readonly string[], count: number, follow?: string): Promise<RemoteLines>;
  /** The file that it is in. */
  logPath(name: string): string;
  /** Takes over a file that was read again: what did not change is not touched. */
  reload(experiment: Experiment): Reloaded;
  /** Whether it is ending. */
  readonly ending: boolean;
  /**
   * Stops all in reverse order of `dependsOn`; resolves when all are gone, to the names of those that
   * may run on, as their computers could not be reached, or they could not be stopped.
   */
  shutdown(): Promise<readonly string[]>;
  /** Kills all at once; {@linkcode shutdown} resolves soon after. */
  kill(): void;
  /** Lets go of the programs, which run on for the next controller. */
  leave(): void;
  /** Calls the handler after each change of a program's state. */
  onChange(handler: (status: ProgramStatus) => void): void;
  onVerdict(handler: (program: string, verdict: Verdict) => void): void;
  /** Calls the handler for each alarm that is raised, changes, or is over. */
  onAlarm(handler: (alarm: Alarm) => void): void;
}
