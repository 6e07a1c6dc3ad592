// What a run controller tells of runs, read once from the message into types that are then trusted.

import type { Json, JsonObject, Message } from "../message.ts";
import { parseRunRecord, type RunRecord } from "./run_record.ts";
import { RUN_PHASES, RUN_VERDICTS, type RunSummary } from "../status/run_status.ts";

const text = (value: Json | undefined) => typeof value === "string" ? value : undefined;
const number = (value: Json | undefined) => typeof value === "number" ? value : undefined;
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

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
