// A file that was read again: what did not change is not touched.

import type { Program } from "../experiment/program.ts";
import { runsText, settingsText } from "./record.ts";
import type { Runner } from "./runner.ts";

/** What a reload did, by program. */
export interface Reloaded {
  readonly restarted: readonly string[];
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  /** What they have to do with data-taking runs has changed: that holds from the next run. */
  readonly nextRun: readonly string[];
}

/** What {@linkcode reloadPrograms} works with. */
export interface ReloadOptions {
  /** Of the file now, and as it was before. */
  readonly programs: readonly Program[];
  readonly before: readonly Program[];
  readonly runners: ReadonlyMap<string, Runner>;
  /** Runners of programs that are no longer in the file: they go once they have stopped. */
  readonly removed: Set<Runner>;
  readonly add: (program: Program) => Runner;
  /** Gives it the settings of the file. */
  readonly change: (runner: Runner, program: Program) => void;
}

/** Starts what is new, restarts what has changed, stops what is gone. */
export function reloadPrograms(
  { programs, before, runners, removed, add, change }: ReloadOptions,
): Reloaded {
  const restarted: string[] = [];
  const started: string[] = [];
  const stopped: string[] = [];
  for (const program of programs) {
    const runner = runners.get(program.name);
    if (runner === undefined) {
      started.push(program.name);
      const fresh = add(program);
      if (program.autostart) fresh.fire({ type: "start" });
      continue;
    }
    if (settingsText(runner.program) !== settingsText(program)) {
      restarted.push(program.name);
      change(runner, program);
    }
    // It was on its way out, and is wanted again.
    if (removed.delete(runner)) runner.fire({ type: "start" });
  }
  const kept = new Set(programs.map(({ name }) => name));
  for (const [name, runner] of runners) {
    if (kept.has(name) || removed.has(runner)) continue;
    stopped.push(name);
    removed.add(runner);
    runner.fire({ type: "stop" });
  }
  const nextRun = programs.filter((program) => {
    const old = before.find(({ name }) => name === program.name);
    return old !== undefined && runsText(old) !== runsText(program);
  }).map(({ name }) => name);
  return { restarted, started, stopped, nextRun };
}

/** What a reload did, in words. */
export function describeReload({ restarted, started, stopped, nextRun }: Reloaded): string {
  const part = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(", ")}`];
  const parts = [
    ...part("restarted", restarted),
    ...part("new", started),
    ...part("no longer there", stopped),
    ...part("from the next run", nextRun),
  ];
  return parts.length === 0 ? "nothing has changed" : parts.join("; ");
}
