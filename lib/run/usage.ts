// Processor and memory of each program, with all that descends from it.

import { type ProcessStat, treeOf } from "../process/proc_fs.ts";

/** What a program uses. */
export interface Usage {
  /** Since the look before, in per cent of one core; not known at the first. */
  readonly cpuPercent: number | undefined;
  /** Resident, in bytes; pages that processes share count for each. */
  readonly memoryBytes: number;
}

/** Measures one program at each look. */
export interface UsageMeter {
  look(root: number, all: readonly ProcessStat[], now: number): Usage;
}

/** Makes a meter; `now` is a monotonic clock, in milliseconds. */
export function createUsageMeter(): UsageMeter {
  let before: { readonly root: number; readonly now: number; readonly cpu: Map<number, number> };
  return {
    look(root, all, now) {
      const tree = treeOf(root, all);
      const cpu = new Map(tree.map(({ pid, cpuSec }) => [pid, cpuSec]));
      const memoryBytes = tree.reduce((sum, one) => sum + one.memoryBytes, 0);
      let cpuPercent: number | undefined;
      if (before?.root === root && now > before.now) {
        // A process that ended takes its count with it: only those that are there are compared.
        let used = 0;
        for (const [pid, sec] of cpu) used += Math.max(0, sec - (before.cpu.get(pid) ?? 0));
        cpuPercent = 100_000 * used / (now - before.now);
      }
      before = { root, now, cpu };
      return { cpuPercent, memoryBytes };
    },
  };
}
