// A file that was read again: what did not change is not touched.

import type { Experiment } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";
import type { Machine } from "./program_state.ts";
import { runsText, settingsText } from "./record.ts";
import type { Roster } from "./roster.ts";

/** What a reload did, by program. */
export interface Reloaded {
  readonly restarting: readonly string[];
  /** They go to another computer once they have stopped where they are. */
  readonly moving: readonly string[];
  /** They restart as soon as the host where they are, or may be, is reached again. */
  readonly whenReached: readonly string[];
  /** They do not run: the new settings hold once they are started. */
  readonly nextStart: readonly string[];
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  /** What they have to do with data-taking runs has changed: that holds from the next run. */
  readonly nextRun: readonly string[];
  /** What is said of the rest of the file, in words. */
  readonly rest: readonly string[];
}

/** What {@linkcode reloadPrograms} works with. */
export interface ReloadOptions {
  /** Of the file now, and as it was before. */
  readonly programs: readonly Program[];
  readonly before: readonly Program[];
  readonly roster: Roster;
}

/** What became of a program that was given other settings. */
export function afterChange(
  before: Pick<Machine, "state">,
  after: Pick<Machine, "state" | "next">,
): "restarting" | "whenReached" | "nextStart" {
  if (after.state === "unreachable") return "whenReached";
  const isOff = after.state === "stopped" ||
    (after.state === "stopping" && after.next === "stopped");
  const waitsOn = before.state === "waiting" && after.state === "waiting";
  return isOff || waitsOn ? "nextStart" : "restarting";
}

/** The parts of the file beside the programs. */
type Rest = Pick<Experiment, "name" | "controller" | "runFolder" | "disk">;

/** What has changed of the rest of the file, and what that means while its programs run. */
export function describeRest(before: Rest, next: Rest): string[] {
  const { name, controller } = before;
  const words: string[] = [];
  if (next.name !== name) {
    words.push(
      `"experiment" stays "${name}" here; as "${next.name}" the next abcd run would know nothing of ` +
        "these programs, and start them a second time: end this one before",
    );
  }
  if (next.controller !== controller) {
    words.push(`"controller" stays "${controller}" until abcd run is started again`);
  }
  if (next.runFolder !== before.runFolder) {
    words.push('the "folder" of "runs" stays until abcd run is started again');
  }
  if (JSON.stringify(next.disk) !== JSON.stringify(before.disk)) {
    words.push("disks: as it says now");
  }
  return words;
}

/** Starts what is new, restarts what has changed, stops what is gone. */
export function reloadPrograms(
  { programs, before, roster }: ReloadOptions,
): Omit<Reloaded, "rest"> {
  const restarting: string[] = [];
  const moving: string[] = [];
  const whenReached: string[] = [];
  const nextStart: string[] = [];
  const changed = { restarting, moving, whenReached, nextStart };
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
    const isOther = settingsText(wanted) !== settingsText(program);
    const { machine: before } = runner;
    if (isOther) roster.change(runner, program);
    const now = roster.find(program.name) ?? runner;
    if (isBack) now.fire({ type: "start" });
    if (!isOther) continue;
    const { state } = now.status();
    const what = roster.nextOf(now) === undefined
      ? afterChange(before, { ...now.machine, state })
      : "moving";
    changed[what].push(program.name);
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
  return { ...changed, started, stopped, nextRun };
}

/** What a reload did, in words. */
export function describeReload(reloaded: Reloaded): string {
  const { restarting, moving, whenReached, nextStart, started, stopped, nextRun, rest } = reloaded;
  const part = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(", ")}`];
  const parts = [
    ...part("restarting", restarting),
    ...part("moving once stopped where they are", moving),
    ...part("restarting once their host is reached", whenReached),
    ...part("from the next start", nextStart),
    ...part("new", started),
    ...part("no longer there", stopped),
    ...part("from the next run", nextRun),
    ...rest,
  ];
  return parts.length === 0 ? "nothing has changed" : parts.join("; ");
}
