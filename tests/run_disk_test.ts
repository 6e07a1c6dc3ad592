// A disk that runs full while an experiment writes to it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../lib/client.ts";
import { diskSpace, onePerDisk } from "../lib/process/disk_space.ts";
import { readStatus } from "../lib/status/read_status.ts";
import { runAbcd, TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";
import { mountSmall } from "./small_disk.ts";

Deno.test("diskSpace: the room where a folder is, or would be made", async () => {
  const signal = AbortSignal.timeout(20_000);
  const folder = await Deno.makeTempDir({ prefix: "abcd-test-" });
  try {
    const space = await diskSpace(folder, signal);
    assert(space.freeBytes > 0);
    assertEquals((await diskSpace(`${folder}/not/yet`, signal)).mount, space.mount);
    assertEquals(await onePerDisk([folder, `${folder}/x`, "/proc"], signal), [folder, "/proc"]);
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("a disk runs full: an alarm, shown, known to late comers, and over when there is room", async () => {
  await using lab = await Lab.create({ a: { cmd: "sleep 1000", startSec: 0.05 } }, {
    disk: { folders: ["data"], warnBytes: "600k", criticalBytes: "300k", periodSec: 0.1 },
  });
  await using disk = await mountSmall(`${lab.path}/data`);
  if (disk === undefined) return; // not allowed to
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  const states: unknown[] = [];
  client.subscribe("run/alarm", ({ source, state }) => {
    if (source === `disk ${lab.path}/data`) states.push(state);
  });
  await client.flush();
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/a: starting → running/);
  await run.saw(/in hub/);
  const fill = (bytes: number) =>
    Deno.writeFile(`${lab.path}/data/filler`, new Uint8Array(bytes), { append: true });
  const saw = (state: string) =>
    until(() => states.at(-1) === state, () => `no ${state}, but ${states}`);
  await fill(500_000);
  await saw("warning");
  await fill(300_000);
  await saw("critical");
  assertEquals(states, ["warning", "critical"]);

  const status = readStatus(await client.request({ cmd: "status", to: "run" }));
  const [alarm] = status.alarms ?? [];
  assertEquals([alarm?.source, alarm?.state], [`disk ${lab.path}/data`, "critical"]);
  const found = status.disks?.find(({ mount }) => mount === `${lab.path}/data`);
  assertEquals(found?.state, "critical");
  const shown = await runAbcd(["status", ...hub.clientArgs]);
  assertStringIncludes(shown.stdout, `▲ CRITICAL  disk ${lab.path}/data: `);

  await Deno.remove(`${lab.path}/data/filler`);
  await saw("over");
  assertEquals(states, ["warning", "critical", "over"]);
});
