// What a controller finds when it comes: records of its predecessor, and processes of the experiment.

import type { Log } from "../log.ts";
import type { ProcessStat } from "../process/proc_fs.ts";
import { commandLine } from "../process/proc_fs.ts";
import { isHeld, liveStarts } from "../process/start_processes.ts";
import { parseRecord, type ProgramRecord } from "./record.ts";
import type { StateFolder } from "./state_folder.ts";

/** What is left of a program. */
export interface Left {
  readonly name: string;
  readonly record: ProgramRecord | undefined;
  /** A start that lives and of which the record knows nothing. */
  readonly strayId: string | undefined;
}

/** An id for a new start: unique, and says whose it is to who finds it in `/proc/PID/environ`. */
export function newStartId(folder: string, program: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${folder}:${program}:${hex}`;
}

/** The parts of an id behind its folder. */
function parseStartId(id: string): { readonly program: string; readonly token: string } {
  const [program = "", token = ""] = id.split(":").slice(-2);
  return { program, token };
}

/** Where a start's files are. */
export function startBase(folder: string, id: string): string {
  const { program, token } = parseStartId(id);
  return `${folder}/starts/${program}.${token}`;
}

/** The program to which a file in the folder of starts belongs. */
export function programOfFile(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.replace(/\.[0-9a-f]+\.[a-z]+$/, "");
}

/** Processes in words: "pid 4711 (sleep 1000)". */
export function describeProcesses(processes: readonly ProcessStat[]): string {
  return processes.map(({ pid }) => `pid ${pid} (${commandLine(pid).slice(0, 60)})`).join(", ");
}

/** Looks through the state folder and through all processes. */
export function findLeft(folder: StateFolder, log: Log): Map<string, Left> {
  const records = new Map<string, ProgramRecord>();
  const names = new Set(folder.names());
  for (const name of names) {
    const found = folder.load(name);
    const record = found.kind === "record" ? parseRecord(found.record) : undefined;
    if (record !== undefined) records.set(name, record);
    else if (found.kind !== "absent") {
      const why = found.kind === "torn" ? found.reason : "it is not of this version";
      log.warn(`${name}: its state is not believed: ${why}; its processes are looked for instead`);
    }
  }
  const strays = new Map<string, string>();
  for (const [id, processes] of liveStarts(`${folder.path}:`)) {
    const { program } = parseStartId(id);
    if (records.get(program)?.runId === id) continue;
    names.add(program);
    // Without its shell it is not the program, but something that the program left behind.
    if (isHeld(processes) && !strays.has(program)) strays.set(program, id);
    else {log.warn(
        `${program}: an earlier start has left ${describeProcesses(processes)}; it is let be`,
      );}
  }
  return new Map(
    [...names].map((name) => [name, {
      name,
      record: records.get(name),
      strayId: strays.get(name),
    }]),
  );
}
