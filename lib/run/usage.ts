// Processor and memory of each program, with all that descends from it.

import { type ProcessStat, treeOf } from "../process/proc_fs.ts";
import type { Seen } from "./local_contract.ts";

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

/** What a program uses now, and whether that is too much. */
export interface UsageWatch {
  /** As it was measured last; `undefined`: it was not. */
  readonly usage: Usage | undefined;
  /** Measures, unless this was measured before. Returns why it is too much; `undefined`: it is not. */
  measure(root: number, seen: Seen, memoryMaxBytes: number): string | undefined;
  /** It does not run: nothing is used. */
  forget(): void;
}

/** Nothing is measured yet. */
export function createUsageWatch(): UsageWatch {
  let meter: UsageMeter | undefined;
  let usage: Usage | undefined;
  let measuredAt: number | undefined;
  return {
    get usage() {
      return usage;
    },
    measure(root, { all, at }, memoryMaxBytes) {
      if (at === measuredAt) return undefined;
      measuredAt = at;
      meter ??= createUsageMeter();
      usage = meter.look(root, all, at);
      if (memoryMaxBytes === 0 || usage.memoryBytes <= memoryMaxBytes) return undefined;
      const [used, most] = [usage.memoryBytes, memoryMaxBytes].map((n) =>
        `${Math.ceil(n / 1e6)} MB`
      );
      return `uses ${used} of memory, more than memoryMaxBytes, ${most}`;
    },
    forget: () => void (meter = usage = undefined),
  };
}

/** Makes a meter; `now` is a monotonic clock, in milliseconds. */
function createUsageMeter(): UsageMeter {
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
