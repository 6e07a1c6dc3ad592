// Runs that end by themselves after some time, and are followed by the next, so that a night goes
// by without anybody. What is wanted is in the record of the last run: it outlives the controller.

import type { Log } from "../log.ts";
import type { Alarms } from "../status/alarms.ts";
import type { RunDriver } from "./drive_run.ts";
import type { RunBook } from "./run_book.ts";

/** How long a run is to last, and what comes then. */
export interface RunPlan {
  /** It is stopped so many seconds after all programs were ready. Default: never. */
  readonly forSec?: number;
  /** Another one follows. */
  readonly repeat?: boolean;
}

/** What {@linkcode createTimedRuns} works with. */
export interface TimedRunsOptions {
  readonly book: RunBook;
  readonly driver: RunDriver;
  readonly alarms: Alarms;
  readonly log: Log;
  /** Unix time in seconds. */
  readonly now: () => number;
  /** All is being stopped: nothing follows. */
  readonly isEnding: () => boolean;
  /** Starts the next one, if it `isWanted` still when that can be. */
  readonly start: (
    by: string,
    label: string,
    plan: RunPlan & { readonly isWanted: () => boolean },
  ) => Promise<unknown>;
}

/** Ends runs, and lets others follow. */
export interface TimedRuns extends Disposable {
  /** To be called after each change. */
  changed(): void;
  /** Nothing follows; whether anything was to. */
  cancel(): boolean;
}

/** The longest time of a run, in seconds: 20 days, for timers reach 24. */
export const MOST_RUN_SEC = 20 * 86400;
/** Who stops a run whose time is over. */
export const TIME_OVER = "the end of its time";
/** The first delay after a start that failed, and the longest, in seconds. */
const AGAIN_SEC = 30;
const MOST_AGAIN_SEC = 600;
/** Programs that are taken up or started need a moment, in seconds. */
const FIRST_SEC = 5;

/**
 * How long a run still takes, in seconds; the times are Unix times in seconds. A clock that was set
 * back since it began makes it no longer.
 */
export function secondsLeft(forSec: number, begin: number, now: number): number {
  return Math.max(0, Math.min(forSec, begin + forSec - now));
}

/** Makes it; nothing is timed yet. */
export function createTimedRuns(options: TimedRunsOptions): TimedRuns {
  const { book, driver, alarms, log, now, isEnding, start } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** What the timer is for: the end of this run, or what follows it. */
  let timed: string | undefined;
  let failures = 0;
  let isStarting = false;
  /** A run has been open since this began: programs are known, and nobody needs a moment. */
  let seen = false;

  function set(what: string, sec: number, action: () => void): void {
    if (timed === what) return;
    clearTimeout(timer);
    timed = what;
    timer = setTimeout(() => {
      // Deno 2.4 may call one that was cleared: it is not to end another run.
      if (timed === what) action();
    }, Math.max(0, sec) * 1000);
  }

  function stop(): void {
    book.change({ stoppedBy: TIME_OVER });
    driver.fire({ type: "stop", reason: TIME_OVER });
  }

  async function follow(): Promise<void> {
    const { record } = book;
    if (record?.repeat !== true || isEnding() || driver.machine.run !== undefined) return;
    // To look whether it can start takes a moment: somebody may stop the series, or start a run, in it.
    const isWanted = () => book.record?.run === record.run && book.record.repeat === true;
    isStarting = true;
    try {
      const { forSec, repeat } = record;
      await start(record.startedBy, record.label, { forSec, repeat, isWanted });
    } catch (error) {
      if (book.record?.repeat === true && driver.machine.run === undefined) {
        failed(record.run, error);
      }
    }
    isStarting = false;
    timed = undefined;
    changed();
  }

  function failed(run: number, error: unknown): void {
    failures++;
    const why = error instanceof Error ? error.message : String(error);
    const text = `no run follows run ${run} yet: ${why}; tried again in ${againSec()} s`;
    log.error(text);
    alarms.raise("next run", "critical", text);
  }

  function againSec(): number {
    return Math.min(MOST_AGAIN_SEC, AGAIN_SEC * 2 ** Math.min(10, failures - 1));
  }

  function changed(): void {
    const { phase } = driver.machine;
    const { record } = book;
    if (phase !== "idle") seen = true;
    if (phase === "running") {
      failures = 0;
      alarms.clear("next run");
    }
    if (record === undefined || isStarting) return;
    if (phase === "running" && record.forSec !== undefined) {
      const left = secondsLeft(record.forSec, record.started ?? record.begin, now());
      return set(`end ${record.run}`, left, stop);
    }
    const isWanted = phase === "idle" && record.repeat === true && !isEnding();
    // What was interrupted under our eyes takes a person, and so does leaving safe.
    const isBad = driver.safe !== undefined || (seen && record.verdict === "interrupted");
    if (isWanted && !isBad) {
      const sec = failures > 0 ? againSec() : seen ? 0 : FIRST_SEC;
      return set(`follow ${record.run} ${failures}`, sec, follow);
    }
    clearTimeout(timer);
    timed = undefined;
    if (isWanted && cancel()) {
      const text = `no run follows run ${record.run}: it was interrupted (${record.reason})`;
      alarms.raise("next run", "critical", text);
    }
  }

  function cancel(): boolean {
    const was = book.record?.repeat === true;
    if (was) book.change({ repeat: undefined }, true);
    alarms.clear("next run");
    failures = 0;
    return was;
  }

  return {
    changed,
    cancel,
    [Symbol.dispose]() {
      clearTimeout(timer);
      timed = undefined;
    },
  };
}
