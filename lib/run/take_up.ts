// The first thing a controller does: it takes up what the one before it left, and starts what is
// missing.

import type { Log } from "../log.ts";
import { findLeft } from "./adoption.ts";
import { isGone } from "./dependencies.ts";
import type { LocalRunner } from "./local_runner.ts";
import type { Program } from "./program.ts";
import { parseSettings, settingsText } from "./record.ts";
import type { StateFolder } from "./state_folder.ts";

/** What {@linkcode takeUp} works with. */
export interface TakeUpOptions {
  readonly programs: readonly Program[];
  readonly folder: StateFolder;
  readonly log: Log;
  readonly add: (program: Program) => LocalRunner;
  /** Stops it, and forgets it then. */
  readonly remove: (runner: LocalRunner) => void;
}

/** Makes the runners of the file's programs and of those that still run and are no longer in it. */
export function takeUp({ programs, folder, log, add, remove }: TakeUpOptions): void {
  const left = findLeft(folder, log);
  const names = new Set<string>();
  for (const program of programs) {
    names.add(program.name);
    const { record, strayId } = left.get(program.name) ?? {};
    const before = record === undefined ? undefined : parseSettings(record.settings);
    const runner = add(before ?? program);
    if (record !== undefined) runner.restore(record);
    if (strayId !== undefined) runner.adopt(strayId);
    if (settingsText(runner.program) !== settingsText(program)) {
      if (record?.closed === false) log.info(`${program.name}: its settings have changed`);
      runner.change(program);
    }
    const isNew = record === undefined || record.closed;
    if (isNew && strayId === undefined && program.autostart) runner.fire({ type: "start" });
  }
  for (const { name, record } of left.values()) {
    if (names.has(name)) continue;
    const program = record === undefined ? undefined : parseSettings(record.settings);
    if (program === undefined || record === undefined) continue;
    const runner = add(program);
    runner.restore(record);
    if (!isGone(runner)) log.info(`${name}: no longer in the file; it is stopped`);
    remove(runner);
  }
}
