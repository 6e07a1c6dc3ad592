import { assertEquals } from "@std/assert";
import type { ProcessStat } from "../process/proc_fs.ts";
import { createUsageWatch } from "./usage.ts";

function process(pid: number, cpuSec: number, megabytes: number, parent = 1): ProcessStat {
  const memoryBytes = megabytes * 1e6;
  const who = { pid, parent, group: pid, session: pid, name: "p", state: "S", startTicks: 1 };
  return { ...who, cpuSec, memoryBytes };
}

Deno.test("usage: of a program and what descends from it, between two looks", () => {
  const watch = createUsageWatch();
  const look = (at: number, all: ProcessStat[]) => {
    watch.measure(7, { all, at }, 0);
    return [watch.usage?.cpuPercent, watch.usage?.memoryBytes];
  };
  const other = process(9, 100, 500);
  assertEquals(look(0, [process(7, 10, 20), process(8, 5, 30, 7), other]), [undefined, 50e6]);
  // Half a core of one and a whole of the other, in two seconds.
  assertEquals(look(2000, [process(7, 11, 20), process(8, 7, 30, 7), other]), [150, 50e6]);
  // One that ended takes its count with it, and one that is new brings what it used.
  assertEquals(look(4000, [process(7, 11, 20), process(6, 1, 10, 7), other]), [50, 30e6]);
});

Deno.test("usage: what was seen once is measured once", () => {
  const watch = createUsageWatch();
  const seen = (at: number) => ({ all: [process(7, at / 1000, 20)], at });
  watch.measure(7, seen(1000), 0);
  watch.measure(7, seen(2000), 0);
  // As of a computer that is looked at less often than this one's programs.
  assertEquals(watch.measure(7, seen(2000), 1), undefined);
  assertEquals(watch.usage?.cpuPercent, 100);
});

Deno.test("usage: more memory than it may have is a reason, exactly so much is none", () => {
  const watch = createUsageWatch();
  const measure = (at: number, most: number) =>
    watch.measure(7, { all: [process(7, 1, 20)], at }, most);
  assertEquals(measure(1, 20e6), undefined);
  assertEquals(measure(2, 0), undefined);
  assertEquals(measure(3, 19.9e6), "uses 20 MB of memory, more than memoryMaxBytes, 20 MB");
});

Deno.test("usage: another process is measured anew, and what does not run uses nothing", () => {
  const watch = createUsageWatch();
  watch.measure(7, { all: [process(7, 1, 20)], at: 1000 }, 0);
  watch.measure(8, { all: [process(8, 50, 20)], at: 2000 }, 0);
  assertEquals(watch.usage?.cpuPercent, undefined);
  watch.forget();
  assertEquals(watch.usage, undefined);
});
