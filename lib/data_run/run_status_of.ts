// What is told of the run that is open, or of the last one. Pure.

import type { RunStatus } from "../status/run_status.ts";
import type { RunRecord } from "./run_record.ts";
import { type RunMachine, verdictOf } from "./run_state.ts";

/** The status of runs, by where the experiment is and the record of the open or last run, if any. */
export function runStatusOf(
  { run, phase }: Pick<RunMachine, "run" | "phase">,
  record: RunRecord | undefined,
): RunStatus {
  if (record === undefined) return { phase };
  const { run: number, label, begin, end, forSec, repeat } = record;
  // What is open is newer in the machine.
  const { verdict, reason, taints } = run === undefined
    ? record
    : { ...run, verdict: verdictOf(run) };
  const waiting = run === undefined ? {} : { waiting: run.waiting };
  const why = reason ?? taints[0];
  return { phase, number, label, begin, end, verdict, reason: why, forSec, repeat, ...waiting };
}
