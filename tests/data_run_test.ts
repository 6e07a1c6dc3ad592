// Data-taking runs, with real programs and a real hub.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { abcd, freeTcpPort, runAbcd, TestHub, until } from "./harness.ts";
import { pidIn } from "./raw_client.ts";
import { killNow } from "./run_lab.ts";
import { RunLab, SLEEPS } from "./run_actor.ts";

const LOGGER = { ...SLEEPS, runOrder: 1, transitionSec: 0.5 };
const CCD = { ...SLEEPS, runOrder: 2, transitionSec: 0.5, config: { gain: 2 } };

Deno.test("runs: start and stop, from the command line, in order, with a record", async () => {
  await using lab = await RunLab.create({ ccd1: CCD, ccd2: CCD, logger: LOGGER, other: SLEEPS });
  const ccd1 = await lab.actor("ccd1");
  await lab.actor("ccd2");
  await lab.actor("logger");
  await using run = await lab.run("ccd1", "ccd2", "logger", "other");
  const args = lab.hub.clientArgs;
  const start = await runAbcd(["start-run", "dark", "frames", ...args]);
  assertEquals(start.code, 0, start.stderr);
  assertStringIncludes(start.stdout, "run 1 is running");
  assertEquals(lab.told[0], "logger: run-start 1");
  assertEquals(lab.told.slice(1).sort(), ["ccd1: run-start 1", "ccd2: run-start 1"]);
  const { label, config, experiment } = ccd1.messages[0] ?? { cmd: "none" };
  assertEquals([label, config, experiment], ["dark frames", { gain: 2 }, "lab"]);
  const known: unknown[] = [];
  lab.client.subscribe("run/current", ({ phase, number }) => void known.push([phase, number]));
  await until(() => known.length > 0, "who comes late knows of the run");
  assertEquals(known, [["running", 1]]);
  const status = await runAbcd(["status", ...args]);
  assert(/run 1 "dark frames" \d+s good/.test(status.stdout), status.stdout);
  const again = await runAbcd(["start-run", ...args]);
  assertEquals(again.code, 1);
  assertStringIncludes(again.stderr, "run 1 is running; stop it first");

  assertEquals((await runAbcd(["note", "lid", "closed", ...args])).code, 0);
  lab.told.length = 0;
  const stop = await runAbcd(["stop-run", ...args]);
  assertEquals(stop.code, 0, stop.stderr);
  assertStringIncludes(stop.stdout, "run 1 has ended: good");
  assertEquals(lab.told[2], "logger: run-stop 1 good");
  const none = await runAbcd(["stop-run", ...args]);
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "there is no run");

  const record = lab.record(1);
  assertEquals([record.phase, record.verdict, record.label], ["ended", "good", "dark frames"]);
  assertEquals(record.notes.map(({ text }) => text), ["lid closed"]);
  assert((record.end ?? 0) >= (record.started ?? Infinity) && record.started !== undefined);
  const { programs } = record.versions;
  assertStringIncludes(JSON.stringify(programs), `"version":"4.2"`);
  assertStringIncludes(JSON.stringify(record.config), `"argv":["sleep","10000"]`);
  assertEquals((await lab.ask("start-run")).number, 2);
  assertEquals((await lab.ask("stop-run", { run: 1 })).error, "it is run 2 by now, not run 1");
  assertEquals((await lab.ask("stop-run", { run: 2 })).verdict, "good");
  await lab.ask("note", { text: "too late", run: 1 });
  const list = await runAbcd(["runs", ...args]);
  assert(/ 1 {2}dark frames .* good +2\n/.test(list.stdout), list.stdout);
  const json = await runAbcd(["runs", "--json", "--folder", `${lab.lab.state}/runs`]);
  assertEquals(json.stdout.trim().split("\n").map((line) => JSON.parse(line).run), [1, 2]);
  const one = await runAbcd(["runs", "1", ...args]);
  assert(/verdict +good[^]*too late/.test(one.stdout), one.stdout);
  assertEquals((await runAbcd(["runs", "7", ...args])).code, 1);
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0);
});

Deno.test("runs: a refusal, or silence, stops the start with the reason; those told are told so", async () => {
  await using lab = await RunLab.create({ ccd1: CCD, logger: LOGGER });
  const logger = await lab.actor("logger");
  const ccd1 = await lab.actor("ccd1", "no");
  await using run = await lab.run("ccd1", "logger");
  await using start = abcd(["start-run", ...lab.hub.clientArgs]);
  assertEquals((await start.end()).code, 1);
  assertStringIncludes(start.stderr, "ccd1: run-start: the lid is open; run 1 is aborted");
  assertEquals(logger.told, ["run-start 1", "run-stop 1 aborted"]);
  assertEquals(logger.messages[1]?.aborted, true);
  assertEquals(ccd1.told, ["run-start 1"]);
  ccd1.manner = "silent";
  const silent = await lab.ask("start-run");
  assertEquals(silent.error, "ccd1: run-start: no answer in 0.5 s; run 2 is aborted");
  // It may have begun all the same.
  assertEquals(ccd1.told.slice(1), ["run-start 2", "run-stop 2 aborted"]);
  assertEquals(lab.record(2).verdict, "aborted");
  ccd1.manner = "yes";
  // Of two at once one starts, and the other is told so.
  const both = await Promise.all([lab.ask("start-run"), lab.ask("start-run")]);
  assertEquals(both.map(({ number }) => number).filter((one) => one !== undefined), [3]);
  assertStringIncludes(String(both.find(({ error }) => error !== undefined)?.error), "run 3 is ");
  // Silence at the end holds nothing up.
  logger.manner = "silent";
  const stop = await lab.ask("stop-run");
  assertEquals([stop.verdict, stop.reason], ["tainted", "logger: run-stop: no answer in 0.5 s"]);
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: what is not ready forbids the start, with all names, and costs no number", async () => {
  await using lab = await RunLab.create({
    cryo: { ...SLEEPS, required: true, ready: { file: "cold" } },
    hv: { ...SLEEPS, essential: true, autostart: false },
    ccd1: { ...CCD, ready: { file: "cold" } },
    ccd2: { ...CCD, autostart: false },
    logger: LOGGER,
  });
  await using run = await lab.run("logger");
  for (const name of ["cryo", "ccd1"]) await run.saw(new RegExp(`${name}: starting → running`));
  const { error } = await lab.ask("start-run");
  const words = String(error).split("; ");
  assertEquals(words.map((text) => text.split(/[ ,]/, 1)[0]), ["cryo", "hv", "ccd1"]);
  assertStringIncludes(String(error), "cryo, which is required, is running, but not ready");
  assertStringIncludes(String(error), "hv, which is essential, is stopped");
  await Deno.writeTextFile(`${lab.lab.path}/cold`, "");
  await lab.ask("start", { programs: ["hv"] });
  for (const name of ["cryo", "ccd1", "hv"]) await run.saw(new RegExp(`${name}: ready`));
  const away = await lab.ask("start-run");
  assertStringIncludes(String(away.error), `logger: no client "logger" is in the hub`);
  await lab.actor("logger");
  await lab.actor("ccd1");
  // ccd2, which takes part, was stopped by somebody: the run goes without it.
  const good = await lab.ask("start-run");
  assertEquals([good.error, good.number], [undefined, 1]);
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: an essential program is lost: safe, interrupted; only a person leaves it", async () => {
  await using lab = await RunLab.create({
    cryo: { ...SLEEPS, essential: true, restartSec: 0.2 },
    hv: SLEEPS,
    ccd1: CCD,
  });
  const hv = await lab.actor("hv");
  const ccd1 = await lab.actor("ccd1");
  await using first = await lab.run("cryo", "hv", "ccd1");
  assertEquals((await lab.ask("start-run")).number, 1);
  Deno.kill(await lab.pidOf("cryo"), "SIGKILL");
  await until(() => ccd1.told.length === 3, "ccd1 is told");
  await until(() => hv.told.length === 1, "hv is told");
  assertEquals(hv.told, ["safe"]);
  assertEquals(ccd1.told.sort(), ["run-start 1", "run-stop 1 interrupted", "safe"]);
  const reason = "cryo, which is essential, is lost: ended by SIGKILL";
  await until(() => lab.record(1).verdict === "interrupted", "the record says so");
  assertEquals(lab.record(1).reason, reason);
  const status = await runAbcd(["status", ...lab.hub.clientArgs]);
  assertEquals(status.code, 1);
  assertStringIncludes(status.stdout, `■ SAFE: ${reason}`);
  await first.saw(/cryo: backoff → starting[^]*cryo: starting → running/);
  assertStringIncludes(String((await lab.ask("start-run")).error), "abcd safe --leave");
  await killNow(first);
  await using second = await lab.run("cryo");
  // Whoever did not hear of it hears of it now.
  await until(() => hv.told.length === 2, "hv is told again");
  assertStringIncludes(String((await lab.ask("start-run")).error), reason);
  const leave = await runAbcd(["safe", "--leave", ...lab.hub.clientArgs]);
  assertEquals(leave.code, 0, leave.stderr);
  await until(() => hv.told.includes("safe-end"), "hv is told that it is over");
  assertEquals((await lab.ask("start-run")).number, 2);
  // By hand, with a reason.
  const safe = await runAbcd(["safe", "water on the floor", ...lab.hub.clientArgs]);
  assertEquals(safe.code, 0, safe.stderr);
  await until(() => lab.record(2).verdict === "interrupted", "the record says so");
  assertEquals(lab.record(2).reason, "water on the floor");
  second.signal("SIGTERM");
  await second.end();
  // Without a controller, too.
  ccd1.told.length = 0;
  const alone = await runAbcd(["safe", "fire", ...lab.hub.clientArgs]);
  assertEquals(alone.code, 1);
  assertStringIncludes(alone.stderr, 'were told "safe" from here');
  await until(() => ccd1.told.length > 0, "ccd1 is told");
  assertEquals([ccd1.told, ccd1.messages.at(-1)?.reason], [["safe"], "fire"]);
});

Deno.test("runs: the host of an essential program is lost: safe, interrupted", async () => {
  const cryo = { ...SLEEPS, essential: true, host: "daq2", cwd: "." };
  await using lab = await RunLab.create({ cryo, ccd1: CCD });
  const ccd1 = await lab.actor("ccd1");
  await using agent = lab.lab.agent("daq2", ...lab.hub.clientArgs);
  await using run = await lab.run("ccd1");
  await run.saw(/cryo: ready on daq2/);
  assertEquals((await lab.ask("start-run")).number, 1);
  await killNow(agent);
  await until(() => ccd1.told.length === 3, "ccd1 is told");
  assertEquals(ccd1.told.toSorted(), ["run-start 1", "run-stop 1 interrupted", "safe"]);
  await until(() => lab.record(1).verdict === "interrupted", "the record says so");
  assertStringIncludes(lab.record(1).reason ?? "", "cryo, which is essential, is lost: ");
  // It is back, and nothing was restarted: the experiment stays safe all the same.
  await using again = lab.lab.agent("daq2", ...lab.hub.clientArgs);
  await again.saw(/cryo: adopted/);
  await until(
    async () => {
      const { error } = await lab.ask("start-run");
      return String(error).includes("is safe") && !String(error).includes("; cryo");
    },
    "cryo is not back",
  );
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: the hub dies and is back: an essential program on a host runs on, and so does the run", async () => {
  const cryo = { ...SLEEPS, essential: true, host: "daq2", cwd: "." };
  await using lab = await RunLab.create({ cryo, ccd1: CCD }, {}, (folder) =>
    TestHub.start(
      [`--http-port=${freeTcpPort()}`, `--tcp-port=${freeTcpPort()}`, `--pid-file=${folder}/hub`],
      { watched: true },
    ));
  const ccd1 = await lab.actor("ccd1");
  await using _agent = lab.lab.agent("daq2", ...lab.hub.clientArgs);
  await using run = await lab.run("ccd1");
  await run.saw(/cryo: ready on daq2/);
  assertEquals((await lab.ask("start-run")).number, 1);
  Deno.kill(await until(() => pidIn(`${lab.lab.path}/hub`), "no hub"), "SIGKILL");
  await run.saw(/cryo: running → unreachable on daq2 \(the hub is away\)/);
  await run.saw(/cryo: unreachable → running on daq2/);
  const areBack = async () => {
    const names = (await lab.client.clients()).map(({ name }) => name);
    return names.includes("run") && names.includes("ccd1");
  };
  await until(() => areBack().catch(() => false), "the controller and ccd1 are back");
  const { verdict, error } = await lab.ask("stop-run");
  assertEquals([verdict, error], ["good", undefined]);
  assertEquals(ccd1.told, ["run-start 1", "run-stop 1 good"]);
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: a program that dies in a run taints it, and is told of it when it is back", async () => {
  await using lab = await RunLab.create({
    ccd1: CCD,
    webcam: SLEEPS,
    once: {
      cmd: "while ! test -e end; do sleep 0.05; done",
      shell: true,
      startSec: 0.05,
      restart: "no",
    },
  });
  const ccd1 = await lab.actor("ccd1");
  await using run = await lab.run("ccd1", "webcam", "once");
  await lab.ask("start-run");
  await Deno.writeTextFile(`${lab.lab.path}/end`, "");
  await run.saw(/once: \w+ → exited/);
  const { run: good } = await lab.ask("status");
  assertStringIncludes(JSON.stringify(good), `"verdict":"good"`);
  Deno.kill(await lab.pidOf("ccd1"), "SIGSEGV");
  await until(() => ccd1.told.length === 2, "ccd1 is told again");
  assertEquals(ccd1.told[1], "run-start 1 again");
  await lab.ask("restart", { programs: ["webcam"] });
  await run.saw(/webcam: stopping → waiting[^]*webcam: starting → running/);
  const stop = await lab.ask("stop-run");
  assertEquals([stop.verdict, stop.reason], ["tainted", "ccd1: ended by SIGSEGV"]);
  const { taints, programs } = lab.record(1);
  assertEquals(taints, ["ccd1: ended by SIGSEGV", "webcam: told to restart"]);
  assertEquals(programs.ccd1?.restarts, 1);
  assertStringIncludes(programs.ccd1?.ends[0]?.text ?? "", "used memory that is not its own");
  assertEquals(programs.webcam?.restarts, 1);
  assertEquals(programs.once?.restarts, 0);
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: all who take part are stopped: interrupted", async () => {
  await using lab = await RunLab.create({ ccd1: CCD, other: SLEEPS });
  await lab.actor("ccd1");
  await using run = await lab.run("ccd1", "other");
  await lab.ask("start-run");
  await lab.ask("stop", { programs: ["ccd1"] });
  await until(() => lab.record(1).verdict === "interrupted", "the record says so");
  assertEquals(lab.record(1).reason, "no program is left in it: ccd1");
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: Ctrl-C stops the run before the programs; --leave leaves it open", async () => {
  await using lab = await RunLab.create({ ccd1: CCD });
  const ccd1 = await lab.actor("ccd1");
  await using leaves = lab.lab.run(...lab.hub.clientArgs, "--leave");
  await leaves.saw(/ccd1: ready/);
  await leaves.saw(/in hub/);
  assertEquals((await lab.ask("start-run")).number, 1);
  leaves.signal("SIGINT");
  assertEquals((await leaves.end()).code, 0);
  assertEquals(lab.record(1).phase, "running");
  await using run = await lab.run("ccd1");
  assertEquals(lab.record(1).gaps.length, 1);
  run.signal("SIGINT");
  assertEquals((await run.end()).code, 0);
  assertEquals(ccd1.told, ["run-start 1", "run-stop 1 good"]);
  const { verdict, stoppedBy, phase } = lab.record(1);
  assertEquals([verdict, stoppedBy, phase], ["good", "the end of the controller", "ended"]);
  const stops = run.stderr.indexOf("ccd1: running → stopping");
  assert(run.stderr.indexOf("run 1 has ended: good") < stops, run.stderr);
});

Deno.test("runs: a second Ctrl-C ends a run that nobody answers", async () => {
  await using lab = await RunLab.create({ ccd1: { ...CCD, transitionSec: 600 } });
  const ccd1 = await lab.actor("ccd1");
  await using run = await lab.run("ccd1");
  await lab.ask("start-run");
  ccd1.manner = "silent";
  run.signal("SIGINT");
  await until(() => ccd1.told.length === 2, "it is told");
  await run.signalAgain("SIGINT");
  assertEquals((await run.end()).code, 0);
  assertEquals(lab.record(1).verdict, "interrupted");
});

Deno.test("runs: rubbish is refused, each with what is wrong, and harms nothing", async () => {
  await using lab = await RunLab.create({});
  await using run = await lab.run();
  const rubbish: [cmd: string, fields: object, words: string][] = [
    ["start-run", { label: 3 }, `"label" is no text`],
    ["start-run", { label: "x".repeat(300) }, "longer than 200"],
    ["start-run", { number: "7" }, `"number" is no whole number`],
    ["start-run", { number: -1 }, "they go from 1"],
    ["start-run", { by: [] }, `"by" is no text`],
    ["stop-run", {}, "there is no run"],
    ["stop-run", { run: 1 }, "there is no run"],
    ["note", { text: "early" }, "there was no run yet"],
    ["note", {}, "there is no text in it"],
    ["note", { text: "x", run: 5 }, "no run 5"],
    ["runs", { run: 1.5 }, `"run" is no whole number`],
    ["runs", { run: -1 }, "no run -1"],
    ["leave-safe", {}, "is not safe"],
    ["make-safe", { reason: {} }, `"reason" is no text`],
  ];
  for (const [cmd, fields, words] of rubbish) {
    const { error } = await lab.ask(cmd, fields);
    assertStringIncludes(String(error), words, `${cmd} ${JSON.stringify(fields)}`);
  }
  assertEquals((await lab.ask("runs", { count: -3 })).runs, []);
  assertEquals((await lab.ask("start-run", { label: "line\n\u001b[2J" })).number, 1);
  const { stdout } = await runAbcd(["runs", ...lab.hub.clientArgs]);
  assertStringIncludes(stdout, "line\\n\\x1b[2J");
  run.signal("SIGTERM");
  await run.end();
});
