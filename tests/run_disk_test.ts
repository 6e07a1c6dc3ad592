// A disk that runs full while an experiment writes to it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../lib/client.ts";
import { diskSpace, onePerDisk } from "../lib/process/disk_space.ts";
import { readStatus } from "../lib/status/read_status.ts";
import { runAbcd, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";
import { mountSmall } from "./small_disk.ts";
import { abcdOnTerminal, hasTerminals, shows } from "./terminal.ts";
import { end, fakeSsh, FAR } from "./ssh_lab.ts";

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

Deno.test("the file's limits hold on the computer of an agent too, also after a reload and without a controller", async () => {
  const keys = { cmd: "sleep 1000", startSec: 0.05, host: "daq2" };
  await using lab = await Lab.create({});
  const data = `${lab.path}/data`;
  const write = (warnBytes: string) =>
    lab.write({ a: keys }, {
      disk: { folders: [`daq2:${data}`], warnBytes, criticalBytes: "100k", periodSec: 0.1 },
    });
  write("600k");
  await using disk = await mountSmall(data);
  if (disk === undefined) return; // not allowed to
  await using hub = await TestHub.start();
  await using agent = lab.agent("daq2", ...hub.clientArgs);
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/a: ready on daq2/);
  const source = `disk ${data} on daq2`;
  assert(!run.stderr.includes(source), run.stderr);
  await Deno.writeFile(`${data}/filler`, new Uint8Array(500_000));
  await run.saw(new RegExp(`alarm: ${source}: \\d+ MB free; make room`));

  write("200k");
  run.signal("SIGHUP");
  await run.saw(new RegExp(`${source}: .* free$`, "m"));
  assertEquals(lab.instances("a").length, 1);

  // The agent keeps the limits: one that comes later goes by them with nobody to tell it.
  await killNow(run);
  await killNow(agent);
  await Deno.writeFile(`${data}/filler`, new Uint8Array(380_000), { append: true });
  await using second = lab.agent("daq2", ...hub.clientArgs);
  await second.saw(new RegExp(`alarm: disk ${data}: \\d+ MB free; make room`));
});

Deno.test("the disks of a computer that is reached through ssh are watched, also while it is cut off", async () => {
  await using lab = await Lab.create({});
  const { env, cut, restore } = fakeSsh(lab);
  const home = `${lab.path}/me@daq2`;
  lab.write({ a: { ...FAR, cmd: "sleep 1000", cwd: "my data" } }, {
    disk: {
      folders: [`me@daq2:${lab.path}/more/yet to be made`],
      warnBytes: "600k",
      criticalBytes: "100k",
      periodSec: 0.2,
    },
  });
  await using data = await mountSmall(`${home}/my data`);
  await using more = await mountSmall(`${lab.path}/more`);
  if (data === undefined || more === undefined) return; // not allowed to
  await using run = lab.runWith(env);
  await run.saw(/a: starting → running/);
  const source = (path: string) => `disk ${path} on me@daq2`;
  await more.fill();
  await run.saw(new RegExp(`ERROR run: alarm: ${source(`${lab.path}/more`)}: 0 MB free`));
  await Deno.writeFile(`${home}/my data/filler`, new Uint8Array(500_000));
  await run.saw(new RegExp(`alarm: ${source(`${home}/my data`)}: \\d+ MB free; make room`));

  const alarms = () => run.stderr.match(/alarm: (disk|folder) /g)?.length ?? 0;
  // A disk that is being filled may be seen on its way.
  const before = alarms();
  cut();
  await run.saw(/a: unreachable/);
  await data.free();
  restore();
  await run.saw(/a: me@daq2 is reached again/);
  await run.saw(new RegExp(`alarm: ${source(`${home}/my data`)}: \\d MB free$`, "m"));
  // What could not be looked at was no news.
  assertEquals(alarms(), before + 1, run.stderr);
  await end(run, lab);
});

/** What the hub says of itself, with the status of its answer. */
async function healthOf(hub: TestHub) {
  const answer = await fetch(`http://${hub.address}/health`);
  return { status: answer.status, ...await answer.json() };
}

Deno.test("what the hub does not keep is an alarm of the experiment: a folder that cannot be written, a full disk", async () => {
  await using lab = await Lab.create({ a: { cmd: "sleep 1000", startSec: 0.05 } });
  await using disk = await mountSmall(`${lab.path}/journal`);
  await Deno.writeTextFile(`${lab.path}/file`, "");
  {
    await using hub = await TestHub.start([`--journal=${lab.path}/file`]);
    await hub.process.saw(
      /the hub keeps no journal and tries it again now and then: mend that, or name another/,
    );
    const health = await healthOf(hub);
    const why = `Cannot write a journal in ${lab.path}/file`;
    assertStringIncludes(health.journal.stopped, why);
    assertEquals([health.status, health.ok, health.problems.length], [503, false, 1]);
    assertStringIncludes(health.problems[0], why);
    const metrics = await (await fetch(`http://${hub.address}/metrics`)).text();
    assertStringIncludes(metrics, "\nabcd_journal_stopped 1\n");
    const past = await runAbcd(["history", ...hub.clientArgs]);
    assertStringIncludes(past.stderr, "keeps no journal: Cannot write a journal in");
    await using run = lab.run(...hub.clientArgs);
    await run.saw(/alarm: hub's journal: Cannot write a journal in/);
    const status = await runAbcd(["status", ...hub.clientArgs]);
    assertStringIncludes(status.stdout, "▲ CRITICAL  hub's journal: ");
    await Deno.remove(`${lab.path}/file`);
    await run.saw(/alarm: hub's journal: it is kept/);
    assertEquals((await healthOf(hub)).ok, true);
  }
  if (disk === undefined) return; // not allowed to mount one
  await using hub = await TestHub.start([`--journal=${lab.path}/journal`]);
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  await disk.fill();
  await using client = await connect({ name: "test", server: hub.address });
  const shown = async () => (await runAbcd(["status", ...hub.clientArgs])).stdout;
  await until(async () => {
    client.send({ cmd: "x", topic: "a", pad: "p".repeat(10_000) });
    return (await shown()).includes("▲ CRITICAL  hub's journal: Cannot write the journal in");
  }, "the alarm stands");
  const ill = await healthOf(hub);
  assertEquals([ill.status, ill.ok, ill.problems[0]], [503, false, ill.journal.stopped]);
  await disk.free();
  await until(async () => !(await shown()).includes("hub's journal"), "it is over");
  const well = await healthOf(hub);
  assertEquals([well.status, well.ok, well.problems], [200, true, undefined]);
});

Deno.test("the disk of the own log is full: neither the hub nor abcd run ends for that, with and without a terminal", async () => {
  await using lab = await Lab.create({ a: { cmd: "sleep 1000", startSec: 0.05 } });
  await using disk = await mountSmall(`${lab.path}/logs`);
  if (disk === undefined) return; // not allowed to mount one
  await disk.fill();
  const log = `${lab.path}/logs/hub.log`;
  await using hub = await TestHub.start([`--log-file=${log}`]);
  await hub.process.saw(/Cannot write \S+: .*; lines of the log are missing there/);
  const logs = `--log-file=${lab.path}/logs/run.log`;
  {
    await using run = lab.run(logs, ...hub.clientArgs);
    await run.saw(/a: starting → running/);
    await killNow(run);
  }
  if (await hasTerminals()) {
    const args = ["run", `${lab.path}/lab.jsonc`, logs, ...hub.clientArgs];
    await using run = abcdOnTerminal(args, { env: { XDG_STATE_HOME: `${lab.path}/state` } });
    await shows(run, /● 1 ready/);
    await run.type("q");
    await shows(run, /Stop all programs and quit/);
    await run.type("y");
    await run.saw(/<after 0 /);
  }
  await disk.free();
  await using _client = await connect({ name: "late", server: hub.address });
  await until(() => /\d+ lines are missing here, from /.test(Deno.readTextFileSync(log)), "a gap");
  assert(/late joined/.test(Deno.readTextFileSync(log)));
});
