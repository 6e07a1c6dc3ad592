// What a host agent keeps of an experiment on its disk: who has it, and what was ordered of each program.

import { type HostLimits, isObject, readLimits } from "./host_report.ts";
import type { Holder } from "./agent_claim.ts";
import type { Log } from "../log.ts";
import type { Json, JsonObject } from "../message.ts";
import { programKeys } from "../experiment/program_text.ts";
import { parseRecord, parseSettings } from "../run/record.ts";
import { decodeRecord, encodeRecord, type StateFolder, writeWhole } from "../run/state_folder.ts";

/** What is kept of one program. */
export interface Kept {
  readonly keys: JsonObject;
  readonly order: number;
}

function isKept(value: Json | undefined): value is { keys: JsonObject; order: number } {
  return isObject(value) && isObject(value.keys) && Number.isSafeInteger(value.order);
}

function readHolder(value: Json | undefined): Holder | undefined {
  if (!isObject(value)) return undefined;
  const { claim, name, host, pid } = value;
  return typeof claim === "string" && typeof name === "string" && typeof host === "string" &&
      typeof pid === "number"
    ? { claim, name, host, pid }
    : undefined;
}

/** The file in an experiment's state folder that an agent keeps its orders in. */
export const ORDERS_FILE = "agent.orders";

/** What an agent keeps of an experiment. */
export interface KeptOrders {
  /** `undefined`: it is not known whose this is. */
  readonly experiment: string | undefined;
  /** Who has it; `undefined`: nobody. */
  readonly holder: Holder | undefined;
  /** When disks are an alarm. */
  readonly disk: HostLimits | undefined;
  readonly programs: ReadonlyMap<string, Kept>;
}

/** What an agent has kept in a file; `undefined` if there is nothing to be read. */
export function readKept(path: string, log: Log): KeptOrders | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) log.warn(`Cannot read ${path}: ${error}`);
    return undefined;
  }
  const found = decodeRecord(text);
  if (found.kind !== "record") {
    log.error(
      `${path} is not believed: its checksum is wrong; what is kept of each program is taken`,
    );
    return undefined;
  }
  // Its checksum says that this is what was written, which was JSON.
  const record = found.record as Json;
  if (!isObject(record) || !isObject(record.programs)) return undefined;
  const programs = new Map<string, Kept>();
  for (const [name, one] of Object.entries(record.programs)) {
    if (isKept(one)) programs.set(name, one);
  }
  const { experiment } = record;
  return {
    experiment: typeof experiment === "string" ? experiment : undefined,
    holder: readHolder(record.holder),
    disk: readLimits(record.disk),
    programs,
  };
}

/** What can be had without that file: the settings with which each program was started. */
export function keptInRecords(folder: StateFolder): Map<string, Kept> {
  return new Map(
    folder.names().flatMap((name) => {
      const found = folder.load(name);
      const record = found.kind === "record" ? parseRecord(found.record) : undefined;
      const program = record === undefined ? undefined : parseSettings(record.settings);
      return program === undefined ? [] : [[name, { keys: programKeys(program), order: 0 }]];
    }),
  );
}

/** The name of the experiment of which an agent has kept something in this folder. */
export function keptExperiment(folder: string, log: Log): string | undefined {
  try {
    Deno.statSync(`${folder}/${ORDERS_FILE}`);
  } catch {
    return undefined;
  }
  const kept = readKept(`${folder}/${ORDERS_FILE}`, log);
  // One that was stopped and let go has to be asked for again.
  if (kept !== undefined && kept.programs.size === 0 && kept.holder === undefined) return undefined;
  return kept?.experiment ?? folder.slice(folder.lastIndexOf("/") + 1);
}

/**
 * Writes down what is kept.
 *
 * @throws {Error} If it cannot be written.
 */
export function writeKept(path: string, { programs, ...rest }: KeptOrders): void {
  const record = { version: 1, ...rest, programs: Object.fromEntries(programs) };
  writeWhole(path, encodeRecord(record));
}
