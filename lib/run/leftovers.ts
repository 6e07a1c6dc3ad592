// What programs leave behind: processes that made themselves a session of their own are in no group
// of ours. They are told of, and let be.

import type { Log } from "../log.ts";
import type { ProcessStat } from "../process/proc_fs.ts";
import type { Start } from "../process/start_contract.ts";
import { carriers, isHolder, liveStarts } from "../process/start_processes.ts";
import { describeProcesses } from "./adoption.ts";

/** Starts that are over, but may have left something behind. */
export interface Leftovers {
  add(program: string, start: Start): void;
  /** Looks once for all that were added, and tells of what is left of them. */
  tell(): void;
}

/** Those of a start's processes that are neither in its group or session nor hold it. */
function outside(start: Start, processes: readonly ProcessStat[]): readonly ProcessStat[] {
  return processes.filter(({ pid, group, session }) =>
    group !== start.pid && session !== start.pid && !isHolder(pid)
  );
}

/** What a start has left in sessions of their own, in words; `undefined`: nothing. */
export function leftBy(start: Start): string | undefined {
  const left = outside(start, carriers(start.id));
  return left.length === 0 ? undefined : describeProcesses(left);
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
        const left = outside(start, live.get(start.id) ?? []);
        if (left.length > 0) log.warn(`${name}: has left ${describeProcesses(left)} behind`);
      }
      over.clear();
    },
  };
}
