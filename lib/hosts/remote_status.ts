// What is told of a program on the computer of a host agent.

import type { Program } from "../experiment/program.ts";
import { type Presence, saidOf } from "../run/presence.ts";
import type { Machine } from "../run/program_state.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import type { HostReport } from "./host_report.ts";

/** What {@linkcode remoteStatus} goes by. */
export interface RemoteKnown {
  readonly program: Program;
  readonly host: string;
  readonly machine: Machine;
  /** What its host said last; `undefined`: nothing, or that it does not know it. */
  readonly report: HostReport | undefined;
  /** Unix time in seconds of the last transition. */
  readonly since: number;
  readonly presence: Presence;
}

/** What there is to know of it now. */
export function remoteStatus(known: RemoteKnown): ProgramStatus {
  const { program, host, machine, report, since, presence } = known;
  const { state, reason, ready, was, restarts, failures, failedStarts, exitCode, signal } = machine;
  // What its host said holds only for the state that it said it of.
  const said: Partial<ProgramStatus> = state === report?.state ? report : {
    pid: state === "unreachable" || state === "stopping" ? report?.pid : undefined,
    screen: report?.screen,
  };
  const { pid, screen, retryAt, lastLine, lastLines, cpuPercent, memoryBytes } = said;
  return {
    name: program.name,
    state,
    was,
    ready,
    pid,
    host,
    screen,
    since,
    restarts,
    failures: failures === 0 ? undefined : failures,
    failedStarts: failedStarts === 0 ? undefined : failedStarts,
    exitCode,
    signal,
    reason,
    retryAt,
    lastLines,
    lastLine,
    cpuPercent,
    memoryBytes,
    said: state === "running" ? saidOf(program, presence) : undefined,
  };
}
