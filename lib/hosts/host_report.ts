// What a controller and a host agent say to each other, read once into types that are then trusted.
//
// controller → agent, which needs the right "run"; each is answered by `re`, as `host-…` instead of
// `agent-…`; `claim` says which controller it is:
//   agent-claim   {experiment, claim, host, pid, disk} → {reports, alarms}: all there is of it
//   agent-order   {experiment, claim, orders: […]}   → {reports, unknown, refused: {PROGRAM: why}}
//   agent-forget  {experiment, claim, programs}      → {}: those that are stopped are dropped
//   agent-log     {experiment, claim, programs, lines, follow} → {lines}
//   agent-why     {experiment, claim, programs}      → {verdicts}
//   agent-release {experiment, claim}                → {}: all is stopped; anybody may claim it
// A refusal is {error, code}. agent → controller, unasked:
//   host-state    {experiment, reports}: what has changed, and every 5 s what is used
//   host-verdict  {experiment, program, verdict}: an unexpected end
//   host-alarm    {experiment, alarm}: of the host itself, such as a disk that gets full
// Whatever has reports has "clockSetSec", too, if the agent's clock was set since it began: by so much.

import type { DiskLimits } from "../experiment/experiment_file.ts";
import type { Json, JsonObject, Message } from "../message.ts";
import type { OutOfMemory } from "../process/out_of_memory.ts";
import type { Alarm } from "../status/alarms.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import { readProgram } from "../status/read_status.ts";
import { type OrderKind, ORDERS } from "../run/record.ts";
import type { Verdict } from "../run/verdict.ts";

/** What an agent tells of a program: its status, and how far it has followed its orders. */
export type HostReport = ProgramStatus & {
  /** The last order that was carried out; 0: none. */
  readonly order: number;
  /** Unix time in seconds of its last unexpected end. */
  readonly ended?: number;
};

/** What a program on a host is to do. The same order twice is one order. */
export interface Order {
  readonly name: string;
  /** Larger than that of each order before it. */
  readonly order: number;
  readonly what: OrderKind;
  /** Its settings, as keys of an experiment file; needed to start it. */
  readonly program?: JsonObject;
}

/** When the disks of a host are an alarm. */
export type HostLimits = Omit<DiskLimits, "hostFolders">;

/** Folders that an agent is asked to watch for one experiment; more are a mistake. */
const MOST_FOLDERS = 32;
/** An agent looks at its disks no more often than this for anybody, in seconds. */
const LEAST_PERIOD_SEC = 0.1;

/** Why an agent does not do what it is asked. `held`: another controller has the experiment. */
export type RefusalCode = "held" | "not-allowed" | "not-claimed" | "bad-message";

/** Whether a JSON value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects of a list; nothing if it is none. */
export function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The texts of a list; nothing if it is none. */
export function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** The reports of a message; what is none is left out. */
export function readReports(message: Message): HostReport[] {
  return objects(message.reports).flatMap((one) => {
    const status = readProgram(one);
    const { order, ended } = one;
    if (status === undefined || typeof order !== "number") return [];
    return [{ ...status, order, ended: typeof ended === "number" ? ended : undefined }];
  });
}

/** By how much the clock of the agent was set since it began, in seconds. */
export function readClockSet({ clockSetSec }: Message): number {
  return typeof clockSetSec === "number" ? clockSetSec : 0;
}

/** The orders of a message; what is none is left out. */
export function readOrders(message: Message): Order[] {
  return objects(message.orders).flatMap(({ name, order, what, program }) => {
    const kind = ORDERS.find((one) => one === what);
    if (typeof name !== "string" || !Number.isSafeInteger(order) || kind === undefined) return [];
    return [{
      name,
      order: Number(order),
      what: kind,
      ...(isObject(program) ? { program } : {}),
    }];
  });
}

/** Limits of disks; `undefined` if these are none. */
export function readLimits(value: Json | undefined): HostLimits | undefined {
  if (!isObject(value)) return undefined;
  const { warnBytes, criticalBytes, periodSec } = value;
  if (
    typeof warnBytes !== "number" || typeof criticalBytes !== "number" ||
    typeof periodSec !== "number"
  ) return undefined;
  const folders = texts(value.folders).filter((path) => path.startsWith("/"));
  return {
    folders: folders.slice(0, MOST_FOLDERS),
    warnBytes,
    criticalBytes,
    periodSec: Math.max(LEAST_PERIOD_SEC, periodSec),
  };
}

const OUT_OF_MEMORY: readonly OutOfMemory[] = ["yes", "perhaps", "no", "unknown"];

/** An alarm; `undefined` if it is none. */
export function readAlarm(value: Json | undefined): Alarm | undefined {
  if (!isObject(value)) return undefined;
  const { source, text, since } = value;
  const state = (["warning", "critical", "over"] as const).find((one) => one === value.state);
  return typeof source === "string" && typeof text === "string" && state !== undefined
    ? { source, text, state, since: typeof since === "number" ? since : 0 }
    : undefined;
}

/** An unexpected end; `undefined` if it is none. */
export function readVerdict(value: Json | undefined): Verdict | undefined {
  if (!isObject(value)) return undefined;
  const { time, text, exitCode, signal, ranSec, restarts } = value;
  if (typeof time !== "number" || typeof text !== "string") return undefined;
  return {
    time,
    text,
    exitCode: typeof exitCode === "number" ? exitCode : undefined,
    signal: typeof signal === "string" ? signal : undefined,
    coreDumped: value.coreDumped === true,
    outOfMemory: OUT_OF_MEMORY.find((one) => one === value.outOfMemory) ?? "unknown",
    ranSec: typeof ranSec === "number" ? ranSec : undefined,
    restarts: typeof restarts === "number" ? restarts : 0,
    lastLines: texts(value.lastLines),
  };
}
