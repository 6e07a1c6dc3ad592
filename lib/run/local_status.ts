// What is told of a program on this computer, or on one that is reached from it through ssh.

import type { Program } from "../experiment/program.ts";
import { screenSession } from "../process/screen.ts";
import type { Start } from "../process/start_contract.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import { type Presence, saidOf } from "./presence.ts";
import { describeProbe } from "./probes.ts";
import type { Machine } from "./program_state.ts";
import { CALM_MS } from "./runner.ts";
import type { Usage } from "./usage.ts";

/** What {@linkcode localStatus} goes by. */
export interface LocalView {
  readonly program: Program;
  readonly machine: Machine;
  /** Its start, as long as that has not ended. */
  readonly start: Start | undefined;
  /** Why it cannot be stopped from here. */
  readonly unstoppable: string | undefined;
  /** Of its last start. */
  readonly lastLines: readonly string[];
  /** Unix time in seconds of the last transition. */
  readonly since: number;
  readonly usage: Usage | undefined;
  /** It is on this computer. */
  readonly isHere: boolean;
  readonly presence: Presence;
  /** On the clock of the machine, in milliseconds. */
  readonly now: number;
}

/** What a program that runs and is not ready is waited for, in words. */
function waitsFor({ program: { ready }, machine }: LocalView): string | undefined {
  if (machine.state !== "running" || machine.ready || ready === undefined) return undefined;
  return `not ready yet: no ${describeProbe(ready)}`;
}

/** The session of GNU screen that it runs in. */
function screenOf({ program: { name, screen }, start, isHere }: LocalView): string | undefined {
  if (!isHere && screen && start?.pid !== undefined) return screenSession(name);
  const pid = start?.screenPid;
  return pid === undefined ? undefined : `${pid}.${screenSession(name)}`;
}

/** What there is to know of it now. */
export function localStatus(view: LocalView): ProgramStatus {
  const { program, machine, start, lastLines, now } = view;
  const { state, was, ready, restarts, failures, failedStarts, exitCode, signal, reason } = machine;
  const trouble = start?.trouble;
  const { unstoppable } = view;
  const stuck = unstoppable === undefined ? undefined : `cannot be stopped: ${unstoppable}`;
  const waitMs = (machine.deadline ?? now) - now;
  return {
    name: program.name,
    state: trouble === undefined ? state : "unreachable",
    was,
    ready: ready && trouble === undefined,
    pid: start?.pid,
    host: program.host,
    screen: screenOf(view),
    since: view.since,
    restarts,
    failures: failures === 0 ? undefined : failures,
    failedStarts: failedStarts === 0 ? undefined : failedStarts,
    exitCode,
    signal,
    reason: trouble ?? stuck ?? waitsFor(view) ?? reason,
    retryAt: state === "backoff" ? Date.now() / 1000 + waitMs / 1000 : undefined,
    lastLines: ["backoff", "exited", "fatal"].includes(state) ? lastLines : undefined,
    lastLine: lastLines.at(-1),
    said: state === "running" ? saidOf(program, view.presence) : undefined,
    ...(start === undefined ? {} : view.usage),
  };
}

/** Whether it runs well or not at all, and needs no close look. */
export function isCalm({ state, ready }: Machine, { alive }: Program): boolean {
  if (state === "stopped" || state === "exited" || state === "fatal") return true;
  if (state !== "running" || !ready) return false;
  if (alive === undefined) return true;
  const { kind } = alive.check;
  if (kind === "client" || kind === "status") return alive.timeoutSec >= 5;
  return kind !== "logLine" && alive.periodSec * 1000 >= CALM_MS;
}
