// What the run controller tells of a program: in `status` answers, on `run/PROGRAM/state`, in the
// table. The shape of messages, shared by those who send and those who show it.

import type { RunStatus, SafeStatus } from "./run_status.ts";
import type { Alarm } from "./alarms.ts";

/** The states of a program; the design's table says what leads from one to the next. */
export const PROGRAM_STATES = [
  "stopped",
  "waiting",
  "starting",
  "running",
  "backoff",
  "stopping",
  "exited",
  "fatal",
  "unreachable",
] as const;
/** One of {@linkcode PROGRAM_STATES}. */
export type ProgramState = typeof PROGRAM_STATES[number];

/** Why a program on a host is `unreachable` when it is not known that the host is away. */
export const HUB_AWAY = "the hub is away";

/** Everything there is to know of a program now. Times are Unix time in seconds. */
export type ProgramStatus = {
  readonly name: string;
  readonly state: ProgramState;
  /** The state before this one. */
  readonly was?: ProgramState;
  /** It runs, and its `ready` probe holds (or it has none). */
  readonly ready: boolean;
  /** Its process, while it has one. */
  readonly pid?: number;
  /** The computer it runs on; absent: the controller's own. */
  readonly host?: string;
  /** The session of GNU screen that it runs in, as `screen -r` takes it: `4711.abcd-ccd1`. */
  readonly screen?: string;
  /** Since when it is in this state. */
  readonly since: number;
  /** Starts after the first since somebody asked for it. */
  readonly restarts: number;
  /** Unexpected ends in a row, until it has run for `restartResetSec`; absent: none. */
  readonly failures?: number;
  /** Failed starts in a row; absent: none. */
  readonly failedStarts?: number;
  /** How it ended last: its code, */
  readonly exitCode?: number;
  /** or the signal that ended it. */
  readonly signal?: string;
  /** Why it is in this state, in words: "waits for cryo to be ready", "exit code 3". */
  readonly reason?: string;
  /** When it will be started again, in state `backoff`. */
  readonly retryAt?: number;
  /** Its last lines of output, oldest first; 20 at most, and only where it ended. */
  readonly lastLines?: readonly string[];
  /** Its last line of output. */
  readonly lastLine?: string;
  /** What its client in the hub says of itself, while it runs. */
  readonly said?: {
    readonly state: string;
    readonly text?: string;
    /** Unix time in seconds, by the hub's clock, since when it is in this state. */
    readonly since: number;
  };
  /** Processor use of its process group, in per cent of one core. */
  readonly cpuPercent?: number;
  /** Resident memory of its process group, in bytes. */
  readonly memoryBytes?: number;
};

/** Whether somebody should look at it: it is not ready, nor stopped on purpose, nor at its end. */
export function isUnwell({ state, ready }: ProgramStatus): boolean {
  return !(state === "running" && ready) && state !== "stopped" && state !== "exited";
}

/** Of a program without an unexpected end: that it ended all the same, as it may; `""`: it did not. */
export function goodEnds({ restarts, exitCode }: ProgramStatus): string {
  if (restarts === 0) return "";
  const how = exitCode === undefined ? "" : ` (exit code ${exitCode})`;
  const times = restarts === 1 ? "once" : `${restarts} times`;
  return `it ended by itself as it may${how}, and was started again, ${times}`;
}

/** A disk as it was at the last look. */
export type DiskStatus = {
  readonly mount: string;
  readonly freeBytes: number;
  readonly state: "good" | "warning" | "critical";
};

/** The whole experiment, as the table shows it. */
export type ExperimentStatus = {
  readonly experiment: string;
  /** The hub that the controller is in; absent: none. */
  readonly hub?: string;
  readonly programs: readonly ProgramStatus[];
  /** What somebody should look at, the worst first. */
  readonly alarms?: readonly Alarm[];
  /** The data-taking run; absent: the experiment has none. */
  readonly run?: RunStatus;
  /** Why no run is started; absent: the experiment is not safe. */
  readonly safe?: SafeStatus;
  /** The disks that it writes to, the fullest first; absent: not looked at yet. */
  readonly disks?: readonly DiskStatus[];
};
