// What the controller adds to what a runner tells of its program.

import type { Alarms } from "../status/alarms.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import { describeUnmet } from "./dependencies.ts";
import { ALARM_STARTS } from "./program_state.ts";
import type { Roster } from "./roster.ts";
import type { Runner } from "./runner.ts";

/** A program's status, with what it waits for. */
export function statusOf(runner: Runner, roster: Roster): ProgramStatus {
  const status = runner.status();
  const to = roster.nextOf(runner);
  if (to !== undefined) {
    const where = to.host ?? "the controller's computer";
    return { ...status, reason: `moves to ${where} when it has stopped: ${status.reason}` };
  }
  if (roster.isLeaving(runner) && status.state === "unreachable") {
    const reason = `no longer in the file, and goes when it has stopped: ${status.reason}`;
    return { ...status, reason };
  }
  if (status.state !== "waiting") return status;
  const reason = describeUnmet(runner.program, roster.find);
  return reason === undefined ? status : { ...status, reason };
}

/** A program that cannot be kept running is an alarm, until it runs or nobody wants it to. */
export function tellTrouble(runner: Runner, alarms: Alarms): void {
  const { program: { name }, machine, unstoppable } = runner;
  const { state, reason, failures } = machine;
  if (runner.lostLog === undefined) alarms.clear(`log of ${name}`, "it can be read");
  else alarms.raise(`log of ${name}`, "warning", runner.lostLog);
  if (unstoppable !== undefined) {
    return alarms.raise(name, "critical", `cannot be stopped: ${unstoppable}`);
  }
  if (state === "fatal") {
    const then = `it is not tried again; when mended: abcd start ${name}`;
    return alarms.raise(name, "critical", `${reason}; ${then}`);
  }
  if (failures < ALARM_STARTS || state === "stopped") return alarms.clear(name, state);
  // Between two ends it runs for a moment, and that is no news.
  if (state !== "backoff" && state !== "stopping") return;
  const last = `${failures} unexpected ends in a row, the last: ${reason}`;
  alarms.raise(name, "critical", `${last}; it is tried on; abcd why ${name}`);
}
