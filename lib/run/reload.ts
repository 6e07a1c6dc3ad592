// A file that was read again: what did not change is not touched.

import type { Program } from "../experiment/program.ts";
import { runsText, settingsText } from "./record.ts";
import type { Roster } from "./roster.ts";

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
  readonly roster: Roster;
}

/** Starts what is new, restarts what has changed, stops what is gone. */
export function reloadPrograms({ programs, before, roster }: ReloadOptions): Reloaded {
  const restarted: string[] = [];
  const started: string[] = [];
  const stopped: string[] = [];
  for (const program of programs) {
    const runner = roster.find(program.name);
    if (runner === undefined) {
      started.push(program.name);
      const fresh = roster.add(program);
      if (program.autostart) fresh.fire({ type: "start" });
      continue;
    }
    // It may have been on its way out, and is wanted again.
    const isBack = roster.keep(runner);
    // One that is on its way to another computer is measured by where it goes.
    const wanted = roster.nextOf(runner) ?? runner.program;
    if (settingsText(wanted) !== settingsText(program)) {
      restarted.push(program.name);
      roster.change(runner, program);
    }
    if (isBack) roster.find(program.name)?.fire({ type: "start" });
  }
  const kept = new Set(programs.map(({ name }) => name));
  for (const runner of roster.all) {
    const { name } = runner.program;
    if (kept.has(name) || roster.isLeaving(runner)) continue;
    stopped.push(name);
    roster.remove(runner);
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
