// The record of a run: what is written in its file, and read from it again.

import type { Json, JsonObject } from "../message.ts";
import type { OpenRun, Participant, RunMachine } from "./run_state.ts";
import { RUN_VERDICTS, type RunSummary, type RunVerdict } from "../status/run_status.ts";

/** Something that somebody wrote down. */
export type RunNote = {
  /** Unix time in seconds. */
  readonly time: number;
  readonly by: string;
  readonly text: string;
};

/** What became of a program during a run. */
export type ProgramInRun = {
  /** Starts during the run of a program that had run before. */
  readonly restarts: number;
  /** Its ends, oldest first; the first hundred. Times are Unix time in seconds. */
  readonly ends: readonly { readonly time: number; readonly text: string }[];
};

/** All that is kept of a run. Times are Unix time in seconds. */
export type RunRecord = {
  /** Of the shape of this record. */
  readonly version: 1;
  readonly run: number;
  readonly label: string;
  readonly experiment: string;
  readonly phase: "starting" | "running" | "stopping" | "ended";
  /** While it is open: only if it can be no other any more. */
  readonly verdict?: RunVerdict;
  /** Why it was aborted or interrupted. */
  readonly reason?: string;
  /** What makes it less than good. */
  readonly taints: readonly string[];
  /** When its number was given. */
  readonly begin: number;
  /** When all programs had answered. */
  readonly started?: number;
  readonly end?: number;
  readonly startedBy: string;
  readonly stoppedBy?: string;
  /** It is stopped so many seconds after it started; absent: by somebody. */
  readonly forSec?: number;
  /** Another one follows when its time is over. */
  readonly repeat?: boolean;
  /** Who is told of it, and who has been. */
  readonly participants: readonly (Participant & { readonly client: string })[];
  readonly told: readonly string[];
  readonly programs: { readonly [program: string]: ProgramInRun };
  readonly notes: readonly RunNote[];
  /** When no controller was there to see what happened. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** The experiment as it was at the start, with all defaults. */
  readonly config: Json;
  /** Of abcd, of Deno, and what each program said of itself to the hub. */
  readonly versions: JsonObject;
  /** Of the computer's start in which it began: programs live no longer. */
  readonly bootId?: string;
};

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isTexts = (value: unknown) =>
  Array.isArray(value) && value.every((one) => typeof one === "string");
const isOptionalNumber = (value: unknown) => value === undefined || typeof value === "number";
const isOptionalText = (value: unknown) => value === undefined || typeof value === "string";

function isRecord(value: unknown): value is RunRecord {
  return isObject(value) && value.version === 1 && Number.isSafeInteger(value.run) &&
    ["label", "experiment", "startedBy"].every((key) => typeof value[key] === "string") &&
    ["starting", "running", "stopping", "ended"].some((phase) => phase === value.phase) &&
    (value.verdict === undefined || RUN_VERDICTS.some((verdict) => verdict === value.verdict)) &&
    typeof value.begin === "number" && isOptionalNumber(value.started) &&
    isOptionalNumber(value.end) && isOptionalNumber(value.forSec) &&
    (value.repeat === undefined || typeof value.repeat === "boolean") &&
    isOptionalText(value.reason) &&
    isOptionalText(value.stoppedBy) && isOptionalText(value.bootId) &&
    isTexts(value.taints) && isTexts(value.told) &&
    Array.isArray(value.participants) &&
    value.participants.every((one) =>
      isObject(one) && typeof one.program === "string" && typeof one.order === "number" &&
      typeof one.client === "string"
    ) &&
    isObject(value.programs) &&
    Object.values(value.programs).every((one) =>
      isObject(one) && typeof one.restarts === "number" && Array.isArray(one.ends) &&
      one.ends.every((end) => isObject(end) && typeof end.text === "string")
    ) &&
    Array.isArray(value.notes) &&
    value.notes.every((note) => isObject(note) && typeof note.text === "string") &&
    Array.isArray(value.gaps) && value.gaps.every(isObject) && isObject(value.versions);
}

/** A record that was read; `undefined` if it is none that this version wrote. */
export function parseRunRecord(text: string): RunRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

/** A record as it stands in its file: for people too. */
export function encodeRunRecord(record: RunRecord): string {
  return JSON.stringify(record, undefined, 2) + "\n";
}

/** The state in which a record left the run. */
export function machineOf(record: RunRecord): RunMachine {
  const { phase, verdict } = record;
  if (phase === "ended") return { phase: "idle" };
  const run: OpenRun = {
    number: record.run,
    participants: record.participants,
    told: record.told,
    left: [],
    waiting: [],
    taints: record.taints,
    verdict: verdict === "aborted" || verdict === "interrupted" ? verdict : undefined,
    reason: record.reason,
  };
  return { phase, run };
}

/** The line of `abcd runs`. */
export function summaryOf(record: RunRecord): RunSummary {
  const { run, label, begin, end, phase, verdict, notes, taints } = record;
  const reason = record.reason ?? taints[0];
  return { run, label, begin, end, phase, verdict, reason, notes: notes.length };
}
