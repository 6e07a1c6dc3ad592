import { assertEquals } from "@std/assert";
import { groupFile, parseKernelLog, watchOutOfMemory } from "./out_of_memory.ts";

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
    groupCount: () => undefined,
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

Deno.test("groupFile: where the group's count is, in either version of cgroups", () => {
  const old = "9:name=systemd:/user.slice\n4:memory:/user.slice/a:b\n0::/user.slice\n";
  assertEquals(groupFile(old), "/sys/fs/cgroup/memory/user.slice/a:b/memory.oom_control");
  assertEquals(
    groupFile("4:cpu,memory:/x\n"),
    "/sys/fs/cgroup/memory/x/memory.oom_control",
  );
  assertEquals(
    groupFile("0::/system.slice/daq.service\n"),
    "/sys/fs/cgroup/system.slice/daq.service/memory.events.local",
  );
  assertEquals(groupFile(""), undefined);
});

Deno.test("out of memory: a kill in our own group was of who is found to have ended then, of no more", () => {
  let now = 0;
  let inGroup: number | undefined = 3;
  let all = 7;
  const watch = watchOutOfMemory({
    now: () => now,
    count: () => all,
    groupCount: () => inGroup,
    kernelLog: () => "",
  });
  const judge = () => watch.judge({ pid: 1, startedAt: 1 }).outOfMemory;
  assertEquals(judge(), "no");
  // In another group.
  all = 8;
  assertEquals(judge(), "perhaps");
  [inGroup, all] = [5, 10];
  assertEquals([judge(), judge(), judge()], ["yes", "yes", "perhaps"]);
  // Seen a second before the end is; and too long before.
  [inGroup, all] = [6, 11];
  watch.look();
  now = 1000;
  watch.look();
  assertEquals(judge(), "yes");
  [inGroup, all] = [7, 12];
  watch.look();
  now = 4000;
  assertEquals(judge(), "perhaps");
  // This process is in another group now, which counts from elsewhere.
  inGroup = 2;
  assertEquals(judge(), "perhaps");
  inGroup = undefined;
  assertEquals(judge(), "perhaps");
  inGroup = 9;
  assertEquals(judge(), "perhaps");
});
