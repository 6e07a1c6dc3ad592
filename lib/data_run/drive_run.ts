// The table of a run, driven: each step is on the disk before anybody is told of it, then it is
// done, and said in the log.

import type { Log } from "../log.ts";
import type { Alarms } from "../status/alarms.ts";
import { createKeptFile } from "./kept_file.ts";
import type { RunBook } from "./run_book.ts";
import {
  NO_RUN,
  type OpenRun,
  type RunAction,
  type RunEvent,
  type RunMachine,
  type RunStep,
  stepRun,
  verdictOf,
} from "./run_state.ts";
import type { SafeStatus } from "../status/run_status.ts";
import { loadSafe, saveSafe } from "./safe_file.ts";

/** What {@linkcode createRunDriver} works with. */
export interface RunDriverOptions {
  readonly book: RunBook;
  /** The file that says that the experiment is safe. */
  readonly safePath: string;
  readonly alarms: Alarms;
  readonly log: Log;
  /** Unix time in seconds. */
  readonly now: () => number;
  /** Tells programs what an action says. */
  readonly perform: (action: RunAction) => void;
  /** Called after each change. */
  readonly changed: () => void;
}

/** A run and its state. */
export interface RunDriver extends Disposable {
  readonly machine: RunMachine;
  readonly safe: SafeStatus | undefined;
  /** Why it cannot be kept that the experiment is safe; absent: it is. */
  readonly problem: string | undefined;
  /** Something happens; `by` says who asked for it. */
  fire(event: RunEvent, by?: string): void;
  /** Takes a step that somebody else made. */
  take(step: RunStep): void;
  /** Begins with what a controller before this one left. */
  begin(machine: RunMachine): void;
  /** Resolves when the condition holds; it is looked at after each change. */
  until(condition: () => boolean): Promise<void>;
}

/** Makes it; it begins as safe as it was left. */
export function createRunDriver(options: RunDriverOptions): RunDriver {
  const { book, safePath, alarms, log, now, perform, changed } = options;
  const file = createKeptFile(log, changed);
  const waiters = new Set<() => void>();
  let machine = NO_RUN;
  let safe: SafeStatus | undefined;

  function keepSafe(reason: string | undefined, by: string | undefined): void {
    safe = reason === undefined ? undefined : { reason, since: now(), by };
    const kept = safe;
    file.write(() => saveSafe(safePath, kept));
    if (kept === undefined) {
      alarms.clear("safe", `left by ${by ?? "the controller"}`);
      return log.warn(`the experiment is safe no more: ${by ?? "the controller"} says so`);
    }
    log.error(`the experiment is made safe: ${kept.reason}`);
    raiseSafe(kept);
  }

  function raiseSafe({ reason }: SafeStatus): void {
    alarms.raise("safe", "critical", `${reason}; when it may go on: abcd safe --leave`);
  }

  /** Writes down what has become of the run. */
  function keepRun(before: RunMachine, run: OpenRun, isOver: boolean): void {
    const { told, taints, verdict, reason } = run;
    const { phase } = machine;
    const isNewPhase = phase !== before.phase;
    const isNew = told !== before.run?.told || taints !== before.run?.taints;
    book.change({
      phase: phase === "idle" ? "ended" : phase,
      told,
      taints,
      verdict,
      reason,
      ...(isOver ? { verdict: verdictOf(run), end: now() } : {}),
      ...(isNewPhase && phase === "running" ? { started: now() } : {}),
    }, isNewPhase || isNew);
  }

  function logRun(before: RunMachine, run: OpenRun): void {
    for (const taint of run.taints.slice(before.run?.taints.length ?? 0)) {
      log.warn(`run ${run.number} is tainted: ${taint}`);
    }
    const { phase } = machine;
    if (phase === before.phase || phase === "starting") return;
    if (phase === "idle") {
      const verdict = verdictOf(run);
      const text = `run ${run.number} has ended: ${verdict}`;
      if (verdict === "good" || verdict === "tainted") log.info(text);
      else log.error(`${text} (${run.reason})`);
    } else if (phase === "stopping" && run.reason !== undefined) {
      log.error(`run ${run.number} is being stopped: ${run.reason}`);
    } else log.info(`run ${run.number} is ${phase}`);
  }

  function take({ machine: after, actions }: RunStep, by?: string): void {
    if (after === machine && actions.length === 0) return;
    const before = machine;
    machine = after;
    if (after.safe !== before.safe) keepSafe(after.safe, by);
    const ended = actions.find(({ type }) => type === "ended");
    const run = ended?.type === "ended" ? ended.run : after.run;
    if (run !== undefined) keepRun(before, run, ended !== undefined);
    for (const action of actions) perform(action);
    if (run !== undefined) logRun(before, run);
    changed();
    for (const waiter of waiters) waiter();
  }

  return {
    get machine() {
      return machine;
    },
    get safe() {
      return safe;
    },
    get problem() {
      return file.problem;
    },
    fire: (event, by) => take(stepRun(machine, event), by),
    take,
    begin(left) {
      safe = loadSafe(safePath, now());
      machine = { ...left, safe: safe?.reason };
      if (safe === undefined) return;
      log.error(`the experiment is safe: ${safe.reason}`);
      raiseSafe(safe);
    },
    until(condition) {
      return new Promise((resolve) => {
        const look = () => {
          if (!condition()) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
      });
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}
