// What a status tells of data-taking runs, read once into types that are then trusted.

import type { Json, JsonObject } from "../message.ts";
import { RUN_PHASES, RUN_VERDICTS, type RunStatus, type SafeStatus } from "./run_status.ts";

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
