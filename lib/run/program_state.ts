// How a program is kept running: one pure table, (state, event, now) → (state, actions).
//
// `now` is a monotonic clock in milliseconds. Nothing here knows of processes or of timers: whoever
// drives it does the actions, and sends `tick` when `deadline` has passed.

import type { Program } from "../experiment/program.ts";
import type { ProgramState } from "../status/program_status.ts";

/** The settings that the table needs. */
export type Policy = Pick<
  Program,
  | "restart"
  | "successExitCodes"
  | "startSec"
  | "restartSec"
  | "restartMultiplier"
  | "restartMaxSec"
  | "restartResetSec"
  | "startLimit"
  | "stopSignal"
  | "stopSec"
>;

/** Where a program is. */
export interface Machine {
  readonly state: ProgramState;
  readonly was?: ProgramState;
  /** Why it is there. */
  readonly reason: string;
  /** Since when, on the monotonic clock. */
  readonly since: number;
  /** When `tick` changes something, on the monotonic clock. */
  readonly deadline?: number;
  /** Its `ready` probe holds. */
  readonly ready: boolean;
  /** Starts after the first since somebody asked for it. */
  readonly restarts: number;
  /** Failures in a row, for the back-off. */
  readonly failures: number;
  /** Failed starts in a row, for `startLimit`. */
  readonly failedStarts: number;
  /** What comes after `stopping`. */
  readonly next: "stopped" | "waiting" | "starting";
  readonly exitCode?: number;
  readonly signal?: string;
}

/** What happens to a program. */
export type ProgramEvent =
  | { readonly type: "start" | "stop" | "restart" | "kill" }
  | { readonly type: "dependenciesHold" | "readyHolds" | "groupGone" | "tick" }
  | { readonly type: "aliveFailed"; readonly reason: string }
  | { readonly type: "spawnFailed"; readonly reason: string; readonly missing: boolean }
  /** Neither code nor signal: nobody was there to see how it ended. */
  | {
    readonly type: "exited";
    readonly code?: number;
    readonly signal?: string;
    /** The kernel killed it for want of memory, for all that is known. */
    readonly outOfMemory?: boolean;
    /** Processes that it has left outside of its group, in words. */
    readonly left?: string;
  };

/** What is to be done. */
export type ProgramAction =
  | { readonly type: "spawn" }
  | { readonly type: "signal"; readonly signal: Deno.Signal }
  | { readonly type: "alarm"; readonly text: string };

/** What {@linkcode step} gives. */
export interface Step {
  readonly machine: Machine;
  readonly actions: readonly ProgramAction[];
}

/** Failed starts in a row that are an alarm where `startLimit` is 0. */
export const ALARM_STARTS = 5;

/** A program that nobody has asked for yet. */
export function newMachine(now: number): Machine {
  return {
    state: "stopped",
    reason: "not started",
    since: now,
    ready: false,
    restarts: 0,
    failures: 0,
    failedStarts: 0,
    next: "stopped",
  };
}

/** How a process ended, in words. */
export function howItEnded(code?: number, signal?: string, outOfMemory = false): string {
  if (signal !== undefined) return `ended by ${signal}${outOfMemory ? ": out of memory" : ""}`;
  return code === undefined ? "ended while nobody could see how" : `exit code ${code}`;
}

/** Whether it ended as it should when its work is done. */
export function isGoodEnd(
  { successExitCodes }: Pick<Policy, "successExitCodes">,
  code?: number,
  signal?: string,
): boolean {
  return signal === undefined && code !== undefined && successExitCodes.includes(code);
}

/** The table. An event that means nothing in a state leaves the machine as it is. */
export function step(machine: Machine, event: ProgramEvent, now: number, policy: Policy): Step {
  const stay: Step = { machine, actions: [] };
  const to = (
    state: ProgramState,
    reason: string,
    more: Partial<Machine> = {},
    actions: readonly ProgramAction[] = [],
  ): Step => ({
    machine: {
      ...machine,
      ready: false,
      deadline: undefined,
      ...more,
      state,
      reason,
      was: machine.state,
      since: now,
    },
    actions,
  });
  const starting = (reason: string, more: Partial<Machine> = {}): Step =>
    to("starting", reason, { deadline: now + policy.startSec * 1000, ...more }, [
      { type: "spawn" },
    ]);
  const asked = (reason: string): Step =>
    to("waiting", reason, { restarts: 0, failures: 0, failedStarts: 0, next: "stopped" });
  const stopping = (
    reason: string,
    next: Machine["next"],
    more: Partial<Machine> = {},
    signal: Deno.Signal = policy.stopSignal,
  ): Step =>
    to("stopping", reason, { ...more, next, deadline: now + policy.stopSec * 1000 }, [
      { type: "signal", signal },
    ]);
  const backoff = (reason: string, more: Partial<Machine>, actions: readonly ProgramAction[]) => {
    const { failures = 1 } = more;
    // A first delay that is longer than the longest of the default is meant.
    const sec = Math.min(
      Math.max(policy.restartMaxSec, policy.restartSec),
      policy.restartSec * policy.restartMultiplier ** Math.min(64, failures - 1),
    );
    return to("backoff", reason, { ...more, deadline: now + sec * 1000 }, actions);
  };
  /** A start that failed: again later, or never. */
  const failedStart = (reason: string, more: Partial<Machine>, left: readonly ProgramAction[]) => {
    const failedStarts = machine.failedStarts + 1;
    const failures = machine.failures + 1;
    if (policy.startLimit > 0 && failedStarts >= policy.startLimit) {
      const text = `${reason}; ${failedStarts} failed starts in a row`;
      return to("fatal", text, { ...more, failedStarts, failures }, [
        ...left,
        { type: "alarm", text },
      ]);
    }
    const alarm: readonly ProgramAction[] = failedStarts === ALARM_STARTS
      ? [{ type: "alarm", text: `${failedStarts} failed starts in a row; it is tried on` }]
      : [];
    return backoff(reason, { ...more, failedStarts, failures }, [...left, ...alarm]);
  };

  switch (machine.state) {
    case "stopped":
    case "exited":
    case "fatal":
    case "unreachable":
      if (event.type === "start" || event.type === "restart") return asked("told to start");
      // Somebody knows of it, and wants it to be off: no alarm any more, and runs go without it.
      if (event.type === "stop" && (machine.state === "exited" || machine.state === "fatal")) {
        return to("stopped", "told to stop");
      }
      return stay;

    case "waiting":
      if (event.type === "dependenciesHold") return starting("all it depends on holds");
      if (event.type === "stop" || event.type === "kill") return to("stopped", "told to stop");
      return stay;

    case "backoff":
      if (event.type === "tick" && now >= (machine.deadline ?? 0)) {
        return starting("back-off over", { restarts: machine.restarts + 1 });
      }
      if (event.type === "stop" || event.type === "kill") return to("stopped", "told to stop");
      if (event.type === "start" || event.type === "restart") return asked("told to start");
      return stay;

    // deno-lint-ignore no-fallthrough -- every inner case returns
    case "stopping":
      switch (event.type) {
        case "groupGone":
          if (machine.next === "stopped") return to("stopped", machine.reason);
          if (machine.next === "waiting") return asked(machine.reason);
          // The first time at once; what hangs again and again is no better for being started at once.
          if (machine.failures > 1) {
            return backoff(machine.reason, { next: "stopped", failures: machine.failures }, []);
          }
          return starting(machine.reason, { restarts: machine.restarts + 1, next: "stopped" });
        case "tick":
          if (machine.deadline === undefined || now < machine.deadline) return stay;
          return {
            machine: { ...machine, deadline: now + 1000 },
            actions: [{ type: "signal", signal: "SIGKILL" }],
          };
        case "kill":
          return {
            machine: { ...machine, next: "stopped", deadline: now + 1000 },
            actions: [{ type: "signal", signal: "SIGKILL" }],
          };
        case "exited": {
          const { code: exitCode, signal } = event;
          return { machine: { ...machine, exitCode, signal }, actions: [] };
        }
        case "stop":
          return { machine: { ...machine, next: "stopped" }, actions: [] };
        case "start":
        case "restart":
          return { machine: { ...machine, next: "waiting" }, actions: [] };
        default:
          return stay;
      }

    case "starting":
    case "running":
      break;
  }

  switch (event.type) {
    case "stop":
      return stopping("told to stop", "stopped");
    case "kill":
      return stopping("told to stop at once", "stopped", {}, "SIGKILL");
    case "restart":
      return stopping("told to restart", "waiting");
    case "aliveFailed":
      return stopping(event.reason, "starting", { failures: machine.failures + 1 });
    case "readyHolds":
      return machine.state === "running" && !machine.ready
        ? { machine: { ...machine, ready: true }, actions: [] }
        : stay;
    case "tick":
      if (machine.deadline === undefined || now < machine.deadline) return stay;
      if (machine.state === "starting") {
        return to("running", `alive for ${policy.startSec} s`, {
          failedStarts: 0,
          deadline: now + policy.restartResetSec * 1000,
        });
      }
      return { machine: { ...machine, failures: 0, deadline: undefined }, actions: [] };
    case "spawnFailed":
      if (event.missing) return to("fatal", event.reason);
      return failedStart(event.reason, {}, []);
    case "exited": {
      const { code: exitCode, signal } = event;
      const how = howItEnded(exitCode, signal, event.outOfMemory);
      const good = isGoodEnd(policy, exitCode, signal);
      // What the program left behind in its group must not run beside its successor.
      const left: readonly ProgramAction[] = [{ type: "signal", signal: "SIGKILL" }];
      const ended = { exitCode, signal };
      // Started again and again it would be there many times, each with a hand on the device.
      if (machine.state === "starting" && good && event.left !== undefined) {
        const text = `${how} at once, but ${event.left} runs on: it goes into the background, ` +
          `where nobody looks after it. End that, and give it its option to stay in the foreground`;
        return to("fatal", text, ended, left);
      }
      if (policy.restart === "no" || (policy.restart === "on-failure" && good)) {
        return to("exited", how, ended, left);
      }
      if (machine.state === "starting") return failedStart(how, ended, left);
      if (!good) return backoff(how, { ...ended, failures: machine.failures + 1 }, left);
      const again = starting(how, { ...ended, restarts: machine.restarts + 1 });
      return { machine: again.machine, actions: [...left, ...again.actions] };
    }
    default:
      return stay;
  }
}
