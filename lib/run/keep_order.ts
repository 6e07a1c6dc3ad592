// The order that programs keep among each other, done: who starts, restarts and stops now.

import type { Log } from "../log.ts";
import { restartsWith, type Standing, stopsNext, unmet } from "./dependencies.ts";
import type { Roster } from "./roster.ts";
import type { Runner } from "./runner.ts";

/**
 * Starts those whose wait is over, at least one of them, and the others while there is time. Returns
 * whether some are left that could be started.
 */
export function startWaiting(roster: Roster, hasTime: () => boolean): boolean {
  let isFirst = true;
  for (const runner of roster.all) {
    if (runner.machine.state !== "waiting" || roster.nextOf(runner) !== undefined) continue;
    if (unmet(runner.program, roster.find).length > 0) continue;
    if (!isFirst && !hasTime()) return true;
    runner.fire({ type: "dependenciesHold" });
    isFirst = false;
  }
  return false;
}

/** Restarts those that go down and up with a program that has just changed. */
export function restartDependants(roster: Roster, one: Standing, log: Log): void {
  for (const other of restartsWith(one, roster.all)) {
    log.info(`${other.program.name}: restarted with ${one.program.name}`);
    other.fire({ type: "restart" });
  }
}

/**
 * At the end of all: tells a program to stop when none that depends on it is left. Returns whether
 * none runs any more; `isLate`: those that cannot be reached, or be stopped, are left where they are.
 */
export function stopNext(roster: Roster, isLate: boolean): boolean {
  const isBeyond = (runner: Runner) =>
    runner.status().state === "unreachable" || runner.unstoppable !== undefined;
  const all = roster.all.filter((runner) => !isLate || !isBeyond(runner));
  const none = all.every((runner) => !runner.mayRun);
  for (const runner of stopsNext(all)) runner.fire({ type: "stop" });
  return none;
}
