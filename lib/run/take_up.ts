// The first thing a controller does: it takes up what the one before it left, and starts what is
// missing.

import type { Log } from "../log.ts";
import { findLeft } from "./adoption.ts";
import type { Program } from "../experiment/program.ts";
import { bootId } from "../process/proc_fs.ts";
import { afterEnding, afterReboot, parseSettings, settingsText } from "./record.ts";
import type { Roster } from "./roster.ts";
import type { StateFolder } from "./state_folder.ts";

/** What {@linkcode takeUp} works with. */
export interface TakeUpOptions {
  readonly programs: readonly Program[];
  readonly folder: StateFolder;
  readonly log: Log;
  readonly roster: Roster;
  /** See {@linkcode ControllerOptions.startsAnew}. */
  readonly startsAnew: boolean;
}

/** Makes the runners of the file's programs and of those that still run and are no longer in it. */
export function takeUp(options: TakeUpOptions): void {
  const { programs, folder, log, roster, startsAnew } = options;
  let isTold = false;
  const left = findLeft(folder, log);
  const names = new Set<string>();
  for (const program of programs) {
    names.add(program.name);
    const { record: found, strayId } = left.get(program.name) ?? {};
    const kept = found === undefined ? undefined : afterEnding(found, program.autostart);
    const after = kept === undefined || kept.closed || !startsAnew || strayId !== undefined
      ? undefined
      : afterReboot(kept, bootId());
    if (after !== undefined && !isTold) {
      log.warn(
        "the computer was restarted: programs are started from the beginning, in their order",
      );
      isTold = true;
    }
    const record = kept === undefined || after === undefined || after === "stopped"
      ? kept
      : { ...kept, closed: true };
    // One that was stopped in order may start anywhere; any other is where it was.
    const before = record === undefined || record.closed
      ? undefined
      : parseSettings(record.settings);
    const runner = strayId === undefined
      ? roster.add(before ?? program)
      : roster.adopt(before ?? program, strayId);
    if (record !== undefined && strayId === undefined) runner.restore(record);
    if (settingsText(runner.program) !== settingsText(program)) {
      if (record?.closed === false) log.info(`${program.name}: its settings have changed`);
      roster.change(runner, program);
    }
    const isNew = record === undefined || record.closed;
    const isWanted = program.autostart || after === "start";
    if (isNew && strayId === undefined && isWanted) runner.fire({ type: "start" });
  }
  for (const { name, record } of left.values()) {
    if (names.has(name)) continue;
    const program = record === undefined ? undefined : parseSettings(record.settings);
    if (program === undefined || record === undefined) continue;
    const runner = roster.add(program);
    runner.restore(record);
    if (runner.mayRun) log.info(`${name}: no longer in the file; it is stopped`);
    roster.remove(runner);
  }
}
