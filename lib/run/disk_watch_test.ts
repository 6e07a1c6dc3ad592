import { assertEquals } from "@std/assert";
import { parseDf } from "../process/disk_space.ts";
import { type Alarm, createAlarms } from "../status/alarms.ts";
import { judgeDisk, watchDisks } from "./disk_watch.ts";

const LIMITS = { folders: [], hostFolders: {}, warnBytes: 10e9, criticalBytes: 3e9, periodSec: 30 };

Deno.test("parseDf reads what df says, of strange names too", () => {
  const title = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n";
  assertEquals(
    parseDf(`${title}/dev/vda         264212084 24572812  81818100      24% /\n`),
    { mount: "/", freeBytes: 81818100 * 1024 },
  );
  assertEquals(parseDf(`${title}nas:/data of 2026   100 100  -5  100% /mnt/my data\n`), {
    mount: "/mnt/my data",
    freeBytes: 0,
  });
  assertEquals(parseDf(`${title}tmpfs 0 0 0 - /run\n`), { mount: "/run", freeBytes: 0 });
  assertEquals(parseDf(""), undefined);
  assertEquals(parseDf("df: /x: No such file or directory\n"), undefined);
});

Deno.test("judgeDisk: limits, and a margin before an alarm is over", () => {
  assertEquals(judgeDisk(10e9, "good", LIMITS), "good");
  assertEquals(judgeDisk(9.99e9, "good", LIMITS), "warning");
  assertEquals(judgeDisk(10.1e9, "warning", LIMITS), "warning");
  assertEquals(judgeDisk(10.6e9, "warning", LIMITS), "good");
  assertEquals(judgeDisk(2.9e9, "good", LIMITS), "critical");
  assertEquals(judgeDisk(3.1e9, "critical", LIMITS), "critical");
  assertEquals(judgeDisk(3.2e9, "critical", LIMITS), "warning");
  assertEquals(judgeDisk(0, "good", { warnBytes: 0, criticalBytes: 0 }), "good");
});

Deno.test("watchDisks: one alarm for a disk, however many folders; told once, and when it is over", async () => {
  const told: Alarm[] = [];
  const alarms = createAlarms((alarm) => told.push(alarm), () => 1000);
  let now = 0;
  let free = 20e9;
  let broken = false;
  let looks = 0;
  using watch = watchDisks({
    limits: () => LIMITS,
    folders: () => ["/a", "/a", "/b"],
    alarms,
    now: () => now,
    distinct: (folders) => Promise.resolve([...folders]),
    look: () => {
      looks++;
      if (broken) return Promise.reject(new Error("df: it is on fire"));
      return Promise.resolve({ mount: "/", freeBytes: free });
    },
  });
  const settle = async () => {
    watch.tick();
    await new Promise((resolve) => setTimeout(resolve, 0));
    now += 30_000;
  };
  await settle();
  assertEquals([looks, told.length], [2, 0]);
  now -= 1;
  watch.tick();
  assertEquals(looks, 2);
  now += 1;
  free = 9e9;
  await settle();
  free = 8e9;
  await settle();
  assertEquals(told.map(({ source, state, text }) => [source, state, text]), [
    ["disk /", "warning", "9.0 GB free; make room"],
  ]);
  assertEquals(alarms.standing.map(({ text }) => text), ["8.0 GB free; make room"]);
  free = 1e9;
  await settle();
  assertEquals(watch.disks, [{ mount: "/", freeBytes: 1e9, state: "critical" }]);
  free = 20e9;
  await settle();
  assertEquals(told.map(({ state }) => state), ["warning", "critical", "over"]);
  broken = true;
  await settle();
  assertEquals(alarms.standing.map(({ source, text }) => [source, text]), [
    ["folder /a", "Cannot tell the room in /a: df: it is on fire"],
    ["folder /b", "Cannot tell the room in /b: df: it is on fire"],
  ]);
  broken = false;
  await settle();
  assertEquals(alarms.standing, []);
});
