// What a run controller answers, read once from the message into types that are then trusted.

import { readRunStatus, readSafeStatus } from "./read_run_status.ts";
import type { Json, JsonObject, Message } from "../message.ts";
import type { Alarm } from "./alarms.ts";
import {
  type DiskStatus,
  type ExperimentStatus,
  PROGRAM_STATES,
  type ProgramState,
  type ProgramStatus,
} from "./program_status.ts";

/** A line of a program's output. */
export interface LogLine {
  readonly program: string;
  readonly line: string;
}

/** Why a program ended, as far as whoever shows it has to know; all else stays in the message. */
export interface VerdictLine {
  readonly program: string;
  /** Unix time in seconds of the end. */
  readonly time?: number;
  /** All of it in words. */
  readonly text: string;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

const text = (value: Json | undefined) => typeof value === "string" ? value : undefined;
const number = (value: Json | undefined) => typeof value === "number" ? value : undefined;
const state = (value: Json | undefined): ProgramState | undefined =>
  PROGRAM_STATES.find((one) => one === value);

function readSaid(value: Json | undefined): ProgramStatus["said"] {
  if (!isObject(value) || typeof value.state !== "string") return undefined;
  return { state: value.state, text: text(value.text), since: number(value.since) ?? 0 };
}

/** A program's status; `undefined` if it is none. Fields of another type than theirs are left out. */
export function readProgram(value: JsonObject): ProgramStatus | undefined {
  const name = text(value.name);
  const now = state(value.state);
  const since = number(value.since);
  if (name === undefined || now === undefined || since === undefined) return undefined;
  const { lastLines } = value;
  return {
    name,
    state: now,
    since,
    ready: value.ready === true,
    restarts: number(value.restarts) ?? 0,
    was: state(value.was),
    pid: number(value.pid),
    host: text(value.host),
    screen: text(value.screen),
    failures: number(value.failures),
    failedStarts: number(value.failedStarts),
    exitCode: number(value.exitCode),
    signal: text(value.signal),
    reason: text(value.reason),
    retryAt: number(value.retryAt),
    lastLine: text(value.lastLine),
    lastLines: Array.isArray(lastLines)
      ? lastLines.filter((line): line is string => typeof line === "string")
      : undefined,
    said: readSaid(value.said),
    cpuPercent: number(value.cpuPercent),
    memoryBytes: number(value.memoryBytes),
  };
}

function readAlarm({ source, state, text: words, since }: JsonObject): Alarm | undefined {
  const isState = state === "warning" || state === "critical";
  if (typeof source !== "string" || typeof words !== "string" || !isState) return undefined;
  return { source, state, text: words, since: number(since) ?? 0 };
}

function readDisk({ mount, freeBytes, state }: JsonObject): DiskStatus | undefined {
  const isState = state === "good" || state === "warning" || state === "critical";
  if (typeof mount !== "string" || typeof freeBytes !== "number" || !isState) return undefined;
  return { mount, freeBytes, state };
}

/**
 * The experiment's status in a controller's answer.
 *
 * @throws {TypeError} If the answer has none.
 */
export function readStatus(answer: Message): ExperimentStatus {
  const { experiment, hub, programs } = answer;
  if (typeof experiment !== "string" || !Array.isArray(programs)) {
    throw new TypeError(
      `Cannot read what ${
        answer.from ?? "the controller"
      } answers: it has no "experiment" or no "programs"; is it a run controller?`,
    );
  }
  return {
    experiment,
    hub: text(hub),
    programs: objects(programs).flatMap((one) => readProgram(one) ?? []),
    alarms: objects(answer.alarms).flatMap((one) => readAlarm(one) ?? []),
    run: readRunStatus(answer.run),
    safe: readSafeStatus(answer.safe),
    disks: objects(answer.disks).flatMap((one) => readDisk(one) ?? []),
  };
}

/** What a controller answers to `log`. */
export interface LogAnswer {
  readonly experiment: string | undefined;
  readonly lines: readonly LogLine[];
  /** By who sends new ones: when these were read, by its own clock; Unix time in seconds. */
  readonly at: { readonly [from: string]: number };
  /** What could not be had, in words. */
  readonly problems: readonly string[];
}

/** The lines in a controller's answer to `log`. */
export function readLogLines(answer: Message): LogAnswer {
  const at: Record<string, number> = {};
  if (isObject(answer.at)) {
    for (const [from, time] of Object.entries(answer.at)) at[from] = number(time) ?? 0;
  }
  return {
    experiment: text(answer.experiment),
    lines: objects(answer.lines).flatMap(({ program, line }) =>
      typeof program === "string" && typeof line === "string" ? [{ program, line }] : []
    ),
    at,
    problems: Array.isArray(answer.problems)
      ? answer.problems.filter((one) => typeof one === "string")
      : [],
  };
}

/** The verdicts in a controller's answer to `why`, oldest first. */
export function readVerdicts(answer: Message): VerdictLine[] {
  return objects(answer.verdicts).flatMap(({ program, text: words, time }) =>
    typeof program === "string" && typeof words === "string"
      ? [{ program, text: words, time: number(time) }]
      : []
  );
}
