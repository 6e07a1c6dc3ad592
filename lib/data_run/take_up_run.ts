// What a controller makes of a run that one before it left open.

import type { Log } from "../log.ts";
import type { RunsController } from "./runs_controller.ts";
import type { RunDriver } from "./drive_run.ts";
import type { RunBook } from "./run_book.ts";
import { machineOf } from "./run_record.ts";
import { NO_RUN, takeUpRun } from "./run_state.ts";

/** What {@linkcode takeUpOpenRun} works with. */
export interface TakeUpRunOptions {
  readonly book: RunBook;
  readonly driver: RunDriver;
  readonly log: Log;
  /** Unix time in seconds. */
  readonly now: () => number;
  /** Of this start of the computer. */
  readonly bootId: string | undefined;
}

/**
 * Takes up the run that is open, if there is one: programs outlive the controller, so does a run.
 * A start of the computer outlives no program: then it was interrupted when it was last looked
 * after.
 */
export function takeUpOpenRun({ book, driver, log, now, bootId }: TakeUpRunOptions): void {
  const { record } = book;
  if (record === undefined || record.phase === "ended") return driver.begin(NO_RUN);
  driver.begin(machineOf(record));
  const seen = Math.max(record.begin, book.lookedAfter ?? record.begin);
  if (record.bootId !== undefined && record.bootId !== bootId) {
    log.error(`run ${record.run} was open when the computer was restarted`);
    driver.fire({ type: "cut", reason: "the computer was restarted" });
    return book.change({ end: seen }, true);
  }
  const gap = { from: seen, to: now() };
  book.change({ gaps: [...record.gaps, gap] }, true);
  const sec = Math.round(gap.to - gap.from);
  log.warn(`run ${record.run} goes on; for ${sec} s no controller looked after it`);
  driver.take(takeUpRun(driver.machine));
  const { safe } = driver;
  if (safe !== undefined) driver.fire({ type: "interrupt", reason: safe.reason });
}

/**
 * What is not running when the programs are taken up too, and had its part in the run, has ended
 * since; the controller before this one may have been killed between seeing it and writing it down.
 */
export function lookForLost(controller: RunsController, driver: RunDriver): void {
  const { run, phase } = driver.machine;
  if (run === undefined || phase !== "running") return;
  for (const { name, essential, required } of controller.experiment.programs) {
    const status = controller.status().programs.find((one) => one.name === name);
    const { state = "stopped" } = status ?? {};
    if (state === "running" || !(essential || run.told.includes(name))) continue;
    if (!essential && run.taints.some((text) => text.startsWith(`${name}: `))) continue;
    const text = `${state} when the controller came back`;
    driver.fire({ type: "gone", program: name, text, essential, required, asked: false });
  }
}
