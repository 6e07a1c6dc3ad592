// What is said of a program as it happens, by whoever runs it on this computer or through ssh: lines
// of the log, and word to the controller where an alarm or the table comes of it. Nothing is said twice.

import type { Log } from "../log.ts";
import type { Machine, ProgramEvent } from "./program_state.ts";

/** What {@linkcode createTelling} works with. */
export interface TellingOptions {
  readonly name: string;
  readonly log: Log;
  /** The last lines of its output, oldest first. */
  readonly tail: () => readonly string[];
  /** The controller is to look at the program again. */
  readonly changed: () => void;
}

/** Says what happens to one program. */
export interface Telling {
  /** The table made a step; behind an end that was not wanted come the last lines of output. */
  step(before: Machine, after: Machine, event: ProgramEvent): void;
  /** Why its computer cannot be reached now; `undefined`: it can be. */
  reach(host: string | undefined, trouble: string | undefined): void;
  /** Why it cannot be stopped, and why its log cannot be read; `undefined`: it can be. */
  troubles(unstoppable: string | undefined, lostLog: string | undefined): void;
}

/** Nothing is said yet, and all is well. */
export function createTelling({ name, log, tail, changed }: TellingOptions): Telling {
  let unreached: string | undefined;
  let told: readonly (string | undefined)[] = [undefined, undefined];
  return {
    step(before, after, event) {
      const isEnd = event.type === "exited" || event.type === "spawnFailed" ||
        event.type === "aliveFailed";
      const isBad = isEnd && after.state !== "exited";
      const text = `${name}: ${before.state} → ${after.state} (${after.reason})`;
      if (after.state === "fatal") log.error(text);
      else if (isBad) log.warn(text);
      else log.info(text);
      if (!isBad || before.state === "stopping") return;
      for (const line of tail()) log.warn(`${name} | ${line}`);
    },
    reach(host, trouble) {
      if (trouble === unreached) return;
      unreached = trouble;
      if (trouble === undefined) log.info(`${name}: ${host} is reached again`);
      else log.warn(`${name}: unreachable: ${trouble}`);
      changed();
    },
    troubles(...troubles) {
      if (troubles.every((one, i) => one === told[i])) return;
      told = troubles;
      changed();
    },
  };
}
