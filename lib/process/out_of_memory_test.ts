import { assertEquals } from "@std/assert";
import { parseKernelLog, watchOutOfMemory } from "./out_of_memory.ts";

// As Linux 5.4, 6.1 and 6.18 write it.
const LOG = `<4>[    1.001122] systemd[1]: Killed process 7 is no such line
<3>[  812.345678] Out of memory: Killed process 4711 (root.exe) total-vm:9012340kB, anon-rss:8000000kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:17000kB oom_score_adj:0
<3>[  900.000001] Memory cgroup out of memory: Killed process 4712 (a (b) c) total-vm:1kB, anon-rss:2kB
`;

Deno.test("parseKernelLog finds who was killed, and when", () => {
  assertEquals(parseKernelLog(LOG).map(({ pid, at, memoryBytes }) => [pid, at, memoryBytes]), [
    [4711, 812.345678, 8_192_000_000],
    [4712, 900.000001, 2048],
  ]);
  assertEquals(parseKernelLog(""), []);
});

Deno.test("out of memory: yes, perhaps, no, unknown", () => {
  let now = 0;
  let kills: number | undefined = 0;
  let log = "";
  let asked = 0;
  const watch = watchOutOfMemory({
    now: () => now,
    count: () => kills,
    kernelLog: () => (asked++, log),
  });
  const judge = (pid: number, startedAt = 100) => watch.judge({ pid, startedAt }).outOfMemory;
  assertEquals([judge(4711), asked], ["no", 0]);
  kills = 1;
  // The kernel's log may not be read, but it has just killed somebody.
  assertEquals([judge(4711), asked], ["perhaps", 1]);
  log = LOG;
  assertEquals([judge(4711), judge(4713)], ["yes", "perhaps"]);
  // Another process that has the number now, and was started after that.
  assertEquals(judge(4711, 5000), "perhaps");
  now = 10_000;
  watch.look();
  assertEquals([judge(4711), judge(4713)], ["yes", "no"]);
  kills = undefined;
  assertEquals(judge(4711), "unknown");
});
