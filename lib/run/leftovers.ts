// What programs leave behind: processes that made themselves a session of their own are in no group
// of ours. They are told of, and let be.

import type { Log } from "../log.ts";
import { isHolder, liveStarts, type Start } from "../process/spawn.ts";
import { describeProcesses } from "./adoption.ts";

/** Starts that are over, but may have left something behind. */
export interface Leftovers {
  add(program: string, start: Start): void;
  /** Looks once for all that were added, and tells of what is left of them. */
  tell(): void;
}

/** Looks for the starts of a state folder. */
export function createLeftovers(folder: string, log: Log): Leftovers {
  const over = new Map<Start, string>();
  return {
    add: (program, start) => void over.set(start, program),
    tell() {
      if (over.size === 0) return;
      const live = liveStarts(`${folder}:`);
      for (const [start, name] of over) {
        const left = (live.get(start.id) ?? []).filter(({ pid, group }) =>
          group !== start.pid && !isHolder(pid)
        );
        if (left.length > 0) log.warn(`${name}: has left ${describeProcesses(left)} behind`);
      }
      over.clear();
    },
  };
}
