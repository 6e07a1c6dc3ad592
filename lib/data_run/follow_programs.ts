// What becomes of the programs, as a run sees it: which are gone, which come back.

import { HUB_AWAY, type ProgramStatus } from "../status/program_status.ts";
import type { RunsController } from "./runs_controller.ts";
import type { ProgramInRun, RunRecord } from "./run_record.ts";
import type { RunEvent } from "./run_state.ts";

/** What {@linkcode followPrograms} works with. */
export interface FollowOptions {
  readonly controller: RunsController;
  /** Unix time in seconds. */
  readonly now: () => number;
  /** What is known of the programs in the open run; `undefined`: none is open. */
  readonly inRun: () => RunRecord["programs"] | undefined;
  /** Keeps that. */
  readonly keep: (programs: RunRecord["programs"]) => void;
  /** A program that was running is not any more. */
  readonly gone: (event: RunEvent) => void;
  /** A program has become ready. */
  readonly ready: (program: string) => void;
  /** Something of a program has changed. */
  readonly changed: () => void;
}

const MOST_ENDS = 100;
const NEW: ProgramInRun = { restarts: 0, ends: [] };

/** Whether somebody told it to stop or to restart, and did not find it in a bad state. */
function isAsked({ state, reason = "" }: ProgramStatus): boolean {
  return state === "stopping" && reason.startsWith("told to ");
}

/** Follows the programs of an experiment. */
export function followPrograms(options: FollowOptions): void {
  const { controller, now, inRun, keep, gone, ready, changed } = options;
  const before = new Map<string, ProgramStatus>();
  /** Programs that have run since this began. */
  const ran = new Set<string>();
  /** What was said of an end that is about to be seen. */
  const words = new Map<string, string>();

  function note(name: string, change: (known: ProgramInRun) => ProgramInRun): void {
    const known = inRun();
    if (known === undefined) return;
    // A program may have a name that each object has something under, as "constructor".
    const own = Object.hasOwn(known, name) ? known[name] : undefined;
    keep({ ...known, [name]: change(own ?? NEW) });
  }

  function noteEnd(name: string, text: string): void {
    note(
      name,
      (known) =>
        known.ends.length >= MOST_ENDS
          ? known
          : { ...known, ends: [...known.ends, { time: now(), text }] },
    );
  }

  controller.onVerdict((name, { text }) => {
    const [first = ""] = text.split("\n");
    if (before.get(name)?.state === "starting") noteEnd(name, first);
    else words.set(name, first);
  });

  controller.onChange((status) => {
    const { name, state } = status;
    const was = before.get(name);
    const isMove = was === undefined ? status.was !== undefined : was.state !== state;
    const from = was?.state ?? status.was;
    if (state === "unreachable" && status.reason === HUB_AWAY && from === "running") {
      // It runs on for all that is known; what became of it is known when the hub is back.
      before.set(name, was ?? { ...status, state: from });
      return changed();
    }
    before.set(name, status);
    if (state === "running") ran.add(name);
    if (isMove && from === "running" && state !== "running") onGone(status);
    if (isMove && state === "starting" && (ran.has(name) || status.restarts > 0)) {
      note(name, (known) => ({ ...known, restarts: known.restarts + 1 }));
    }
    if (state === "running" && status.ready && !(was?.state === "running" && was.ready)) {
      ready(name);
    }
    changed();
  });

  function onGone(status: ProgramStatus): void {
    const { name, state, reason = state } = status;
    ran.add(name);
    const program = controller.experiment.programs.find((one) => one.name === name);
    noteEnd(name, words.get(name) ?? reason);
    words.delete(name);
    const essential = program?.essential ?? false;
    const required = program?.required ?? false;
    // It has done what it was there for: "exited" is where a program is that is not wanted again.
    const isDone = state === "exited" && status.signal === undefined &&
      (program?.successExitCodes ?? []).includes(status.exitCode ?? -1);
    if (isDone && !essential && !required && program?.runOrder === undefined) return;
    gone({
      type: "gone",
      program: name,
      text: reason,
      essential,
      required,
      asked: isAsked(status),
    });
  }
}
