// What is kept of a program on the disk, and how it is read again.

import type { Program } from "../experiment/program.ts";
import { plainProgram } from "../experiment/program_keys.ts";
import type { Machine } from "./program_state.ts";
import { PROGRAM_STATES } from "../status/program_status.ts";
import type { Verdict } from "./verdict.ts";

/** What is kept of a program. */
export interface ProgramRecord {
  /** Of the shape of this record. */
  readonly version: 1;
  /** Its settings when this was written, as text: another text is another program. */
  readonly settings: string;
  readonly machine: Machine;
  /** What was left until `machine.deadline`, in milliseconds: no clock outlives its process. */
  readonly leftMs?: number;
  /** Unix time of the last transition, in seconds. */
  readonly since: number;
  /** Its last start. */
  readonly runId?: string;
  /** Where its output of the last start begins in the log; negative: in what was moved aside. */
  readonly logFrom?: number;
  /** Its stop has been asked for on purpose by the end of the controller: starts anew next time. */
  readonly closed: boolean;
  /**
   * Written while the controller ended, or while it was in the file no more; nobody had stopped it
   * before: {@linkcode afterEnding}.
   */
  readonly ending?: boolean;
  /** Its last unexpected ends, oldest first. */
  readonly verdicts: readonly Verdict[];
  /** The start of the computer in which this was written, if the program is on this one. */
  readonly boot?: string;
  /** Of a program on a host: what it was told. */
  readonly remote?: RemoteRecord;
}

/** What a program on a host can be told. */
export const ORDERS = ["start", "stop", "kill"] as const;
/** One of {@linkcode ORDERS}. */
export type OrderKind = typeof ORDERS[number];

/** What is kept of what a program on a host was told. */
export interface RemoteRecord {
  /** What it is to be: `waiting` is up as soon as what it depends on holds. */
  readonly intent: "down" | "waiting" | "up";
  /** What it is to be once it has stopped. */
  readonly after: "down" | "waiting";
  /** What it was told and had not carried out. */
  readonly order?: { readonly what: OrderKind; readonly number: number };
}

/**
 * Whether a record must outlast a power cut: what somebody wanted stopped (a high voltage!) must not
 * start by itself with the computer, and how something ended is to be read later. What ran then runs
 * no more: where it was on its way is of no use.
 */
export function isLasting({ machine: { state, next }, closed, remote }: ProgramRecord): boolean {
  return closed || remote !== undefined || ["stopped", "exited", "fatal"].includes(state) ||
    (state === "stopping" && next === "stopped");
}

/** What concerns data-taking runs alone, as it is where nothing is said of it. */
const NO_RUNS = {
  runOrder: undefined,
  required: false,
  essential: false,
  transitionSec: 30,
  config: {},
} as const satisfies Partial<Program>;

/**
 * A program's settings as text; equal texts are equal settings. What concerns runs is not in it:
 * that holds from the next run, and no program is restarted for it.
 */
export function settingsText(program: Program): string {
  const entries = Object.entries(program).filter(([key]) => !Object.hasOwn(NO_RUNS, key));
  return JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1)));
}

/** What it has to do with runs, as text; equal texts are equal settings. */
export function runsText(program: Program): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(program).filter(([key]) => Object.hasOwn(NO_RUNS, key))),
  );
}

/** The opposite of {@linkcode settingsText}, as far as is needed to stop a program that is no longer in the file. */
export function parseSettings(text: string): Program | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isProgram = (one: unknown): one is Program =>
    isObject(one) && typeof one.name === "string" && typeof one.stopSignal === "string" &&
    typeof one.stopSec === "number" && Array.isArray(one.argv) && isObject(one.dependsOn) &&
    isObject(one.log) && Array.isArray(one.successExitCodes);
  // A key that is newer than the text had its default then: who gets a newer abcd has changed nothing.
  return isProgram(value) ? { ...plainProgram(), ...value } : undefined;
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMachine(value: unknown): value is Machine {
  return isObject(value) && PROGRAM_STATES.some((state) => state === value.state) &&
    typeof value.reason === "string" && typeof value.ready === "boolean" &&
    ["since", "restarts", "failures", "failedStarts"].every((key) => Number.isFinite(value[key])) &&
    ["stopped", "waiting", "starting"].some((next) => next === value.next);
}

function readRemote(value: unknown): RemoteRecord | undefined {
  if (!isObject(value)) return undefined;
  const intent = (["down", "waiting", "up"] as const).find((one) => one === value.intent);
  const after = (["down", "waiting"] as const).find((one) => one === value.after);
  if (intent === undefined || after === undefined) return undefined;
  const { what, number } = isObject(value.order) ? value.order : {};
  const kind = ORDERS.find((one) => one === what);
  const order = kind !== undefined && typeof number === "number"
    ? { what: kind, number }
    : undefined;
  return { intent, after, order };
}

/** A record that was read; `undefined` if it is none that this version wrote. */
export function parseRecord(value: unknown): ProgramRecord | undefined {
  if (!isObject(value) || value.version !== 1 || !isMachine(value.machine)) return undefined;
  const { settings, machine, leftMs, since, runId, logFrom, closed, ending, boot, verdicts } =
    value;
  if (typeof settings !== "string" || typeof since !== "number") return undefined;
  return {
    version: 1,
    settings,
    machine,
    leftMs: typeof leftMs === "number" ? leftMs : undefined,
    since,
    runId: typeof runId === "string" ? runId : undefined,
    logFrom: typeof logFrom === "number" ? logFrom : undefined,
    closed: closed === true,
    ending: ending === true,
    boot: typeof boot === "string" ? boot : undefined,
    remote: readRemote(value.remote),
    verdicts: Array.isArray(verdicts)
      ? verdicts.filter((one): one is Verdict => isObject(one) && typeof one.text === "string")
      : [],
  };
}

/**
 * What is left of a program of which a record was written before the computer was started anew. All
 * that ran is gone, and so is what those did that had done their work, as to set up a device: the
 * experiment begins from its beginning, in the order of `dependsOn`. What somebody wanted stopped (a
 * high voltage!) stays so. `undefined`: the record is of this start of the computer, or of another one.
 */
export function afterReboot(
  { machine: { state, next }, boot }: ProgramRecord,
  now: string,
): "start" | "as the file says" | "stopped" | undefined {
  if (boot === undefined || boot === now || now === "") return undefined;
  if (state === "stopped" || (state === "stopping" && next === "stopped")) return "stopped";
  return state === "exited" || state === "fatal" ? "as the file says" : "start";
}

/**
 * What the next controller makes of a program that is in its file, and that one before it had stopped to
 * end all, or as it was in the file no more, and was killed meanwhile, by a power cut or by who had no
 * patience: the same as if that had come to its end. What has stopped starts anew, what stops still as
 * soon as it has. What somebody had stopped stays so.
 */
export function afterEnding(record: ProgramRecord, autostart: boolean): ProgramRecord {
  const { ending, machine, remote } = record;
  if (ending !== true) return record;
  if (remote !== undefined) {
    if (remote.intent !== "down") return record;
    if (remote.order === undefined) return { ...record, closed: true };
    return autostart ? { ...record, remote: { ...remote, after: "waiting" } } : record;
  }
  if (machine.state === "stopped") return { ...record, closed: true };
  if (machine.state !== "stopping" || !autostart) return record;
  return { ...record, machine: { ...machine, next: "waiting", reason: "its controller ended" } };
}

/**
 * The machine of a record, on the clock of this process. A delay that was running starts again with
 * what was left of it when it was written: a little late is no harm, early is one.
 */
export function restoreMachine({ machine, leftMs }: ProgramRecord, now: number): Machine {
  return {
    ...machine,
    since: now,
    deadline: leftMs === undefined ? undefined : now + Math.max(0, leftMs),
  };
}
