// What a run controller tells of runs, read once from the message into types that are then trusted.

import type { Json, JsonObject, Message } from "../message.ts";
import { parseRunRecord, type RunRecord } from "./run_record.ts";
import {
  RUN_PHASES,
  RUN_VERDICTS,
  type RunStatus,
  type RunSummary,
  type SafeStatus,
} from "./run_status.ts";

const text = (value: Json | undefined) => typeof value === "string" ? value : undefined;
const number = (value: Json | undefined) => typeof value === "number" ? value : undefined;
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The run that is open, from a part of an answer; `undefined`: nothing is said of runs. */
export function readRunStatus(value: Json | undefined): RunStatus | undefined {
  if (!isObject(value)) return undefined;
  const phase = RUN_PHASES.find((one) => one === value.phase);
  if (phase === undefined) return undefined;
  const { waiting } = value;
  return {
    phase,
    number: number(value.number),
    label: text(value.label),
    begin: number(value.begin),
    end: number(value.end),
    verdict: RUN_VERDICTS.find((one) => one === value.verdict),
    reason: text(value.reason),
    forSec: number(value.forSec),
    repeat: value.repeat === true ? true : undefined,
    waiting: Array.isArray(waiting)
      ? waiting.filter((one): one is string => typeof one === "string")
      : undefined,
  };
}

/** That the experiment is safe, from a part of an answer; `undefined`: it is not. */
export function readSafeStatus(value: Json | undefined): SafeStatus | undefined {
  if (!isObject(value)) return undefined;
  const reason = text(value.reason);
  if (reason === undefined) return undefined;
  return { reason, since: number(value.since) ?? 0, by: text(value.by) };
}

/** The lines of a controller's answer to `runs`. */
export function readSummaries({ runs }: Message): RunSummary[] {
  return (Array.isArray(runs) ? runs : []).filter(isObject).flatMap((one) => {
    const run = number(one.run);
    const begin = number(one.begin);
    if (run === undefined || begin === undefined) return [];
    const phases = [...RUN_PHASES, "ended"] as const;
    return [{
      run,
      begin,
      label: text(one.label) ?? "",
      end: number(one.end),
      phase: phases.find((phase) => phase === one.phase) ?? "ended",
      verdict: RUN_VERDICTS.find((verdict) => verdict === one.verdict),
      reason: text(one.reason),
      notes: number(one.notes) ?? 0,
    }];
  });
}

/** The record in a controller's answer to `runs`; `undefined`: there is none in it. */
export function readRecord({ record }: Message): RunRecord | undefined {
  return record === undefined ? undefined : parseRunRecord(JSON.stringify(record));
}
