// The subcommands that talk to a run controller, against one that answers as the test says.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Client, connect } from "../lib/client.ts";
import type { ProgramState, ProgramStatus } from "../lib/status/program_status.ts";
import { abcd, freeUdpPort, runAbcd, temporaryFolder, TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";

type Fake = AsyncDisposable & {
  readonly client: Client;
  /** What it was asked, in order. */
  readonly asked: { cmd: string; programs: unknown; follow: unknown }[];
  set(name: string, state: ProgramState, ready?: boolean): void;
  write(program: string, line: string): void;
};

/** A controller with programs hv and ccd1, whose states follow the test and not any process. */
async function fakeController(hub: TestHub, name = "run"): Promise<Fake> {
  const client = await connect({
    name,
    server: hub.address,
    info: { program: "abcd run", experiment: "lab" },
  });
  const programs = new Map<string, ProgramStatus>();
  const asked: Fake["asked"] = [];
  const written: { program: string; line: string }[] = [];
  const set: Fake["set"] = (name, state, ready = state === "running") => {
    const was = programs.get(name)?.state;
    const since = Date.now() / 1000;
    programs.set(name, { name, state, was, ready, since, restarts: 0, pid: 4711 });
    client.send({ cmd: "state", topic: `run/${name}/state`, state });
  };
  set("hv", "running");
  set("ccd1", "stopped");
  const answers: Record<string, (names: readonly string[]) => object> = {
    status: () => ({}),
    start: (names) => (names.forEach((one) => set(one, "starting")), {}),
    stop: (names) => (names.forEach((one) => set(one, "stopping")), {}),
    restart: (names) => (names.forEach((one) => set(one, "stopping")), {}),
    reload: () => ({ text: "new: ccd2" }),
    log: (names) => ({ lines: written.filter(({ program }) => names.includes(program)) }),
    why: () => ({
      verdicts: [{ program: "ccd1", time: 1, text: "exit code 3\nIts last lines:\n  \x1b[2Jboom" }],
    }),
  };
  for (const [cmd, answer] of Object.entries(answers)) {
    client.on(cmd, (message) => {
      asked.push({ cmd, programs: message.programs, follow: message.follow });
      const wanted = Array.isArray(message.programs) ? message.programs : [...programs.keys()];
      // Before the states are looked at: it changes them.
      const special = answer(wanted);
      const unknown = wanted.find((one) => !programs.has(one));
      client.send({
        cmd,
        to: message.from,
        re: message.id,
        ...(unknown !== undefined ? { error: `no program "${unknown}"` } : {
          experiment: "lab",
          programs: [...programs.values()].filter(({ name }) => wanted.includes(name)),
          ...special,
        }),
      });
    });
  }
  return {
    client,
    asked,
    set,
    write(program, line) {
      written.push({ program, line });
      client.send({ cmd: "log", topic: `run/${program}/log`, experiment: "lab", program, line });
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

Deno.test("status: a table, JSON, exit code 0 only if all is well", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  const bad = await runAbcd(["status", ...hub.clientArgs]);
  assertEquals(bad.code, 1, bad.stderr);
  assert(/hv\s+● ready/.test(bad.stdout), bad.stdout);
  assert(/ccd1\s+○ stopped/.test(bad.stdout), bad.stdout);
  const good = await runAbcd(["status", "hv", "--json", ...hub.clientArgs]);
  assertEquals(good.code, 0, good.stderr);
  const { experiment, programs } = JSON.parse(good.stdout);
  assertEquals([experiment, programs.length, programs[0].name], ["lab", 1, "hv"]);
  assertEquals(run.asked.at(-1)?.programs, ["hv"]);
});

Deno.test("start: shows how it goes, ends when the program is ready", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  await using start = abcd(["start", "ccd1", ...hub.clientArgs]);
  await start.saw(/ccd1: starting/);
  run.set("ccd1", "running", false);
  await start.saw(/ccd1: running/);
  run.set("ccd1", "running");
  assertEquals((await start.end()).code, 0);
  assertStringIncludes(start.stdout, "ccd1: ready, pid 4711");
});

Deno.test("start: a program that fails is exit code 1 and a hint", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  await using start = abcd(["start", "ccd1", ...hub.clientArgs]);
  await start.saw(/ccd1: starting/);
  run.set("ccd1", "fatal");
  assertEquals((await start.end()).code, 1);
  assertStringIncludes(start.stderr, "abcd why ccd1");
});

Deno.test("stop --all asks for all, and ends when all are gone", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  await using stop = abcd(["stop", "--all", ...hub.clientArgs]);
  await stop.saw(/hv: stopping/);
  run.set("hv", "stopped");
  run.set("ccd1", "stopped");
  assertEquals((await stop.end()).code, 0);
  assertEquals(run.asked.find(({ cmd }) => cmd === "stop")?.programs, undefined);
});

Deno.test("restart: waits for the new start; --wait bounds it", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  await using restart = abcd(["restart", "hv", ...hub.clientArgs]);
  await restart.saw(/hv: stopping/);
  run.set("hv", "starting");
  await restart.saw(/hv: starting/);
  run.set("hv", "running");
  assertEquals((await restart.end()).code, 0);
  const slow = await runAbcd(["restart", "hv", "--wait", "0.2", ...hub.clientArgs]);
  assertEquals(slow.code, 1);
  assertStringIncludes(slow.stderr, "Not done after 0.2 s");
  assertEquals((await runAbcd(["restart", "hv", "--wait=0", ...hub.clientArgs])).code, 0);
});

Deno.test("start, stop: another shifter's order that undoes this one is said, and not waited for", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  await using stop = abcd(["stop", "hv", ...hub.clientArgs]);
  await stop.saw(/hv: stopping/);
  run.set("hv", "starting");
  assertEquals((await stop.end()).code, 1);
  assertStringIncludes(stop.stderr, "hv: somebody else has told the controller to start it again");
  await using restart = abcd(["restart", "--all", ...hub.clientArgs]);
  await restart.saw(/hv: stopping/);
  run.set("hv", "stopped");
  run.set("ccd1", "running");
  assertEquals((await restart.end()).code, 1);
  assertStringIncludes(restart.stderr, "hv: somebody else has told the controller to stop it");
  assertEquals(/ccd1|why/.test(restart.stderr), false, restart.stderr);
});

Deno.test("control: without a hub it is said that the programs go on, and how to reach them again", async () => {
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", startSec: 0 } });
  const beacon = `--beacon-port=${freeUdpPort()}`;
  await using run = lab.run(beacon);
  await run.saw(/p: ready/);
  for (const line of [["status"], ["why"], ["logs"], ["stop-run"]]) {
    const { code, stderr } = await runAbcd([...line, beacon, "--timeout=0.2"]);
    assertEquals(code, 1);
    assertMatch(stderr, /Cannot find a hub.*\nThe programs of an experiment go on without a hub/);
    assertMatch(stderr, /start "abcd server" again, where it ran or on the computer of "abcd run"/);
  }
  // It is so.
  await using _hub = await TestHub.start([beacon]);
  let said = "";
  await until(async () => {
    const { code, stdout, stderr } = await runAbcd(["status", beacon]);
    said = stdout + stderr;
    return code === 0;
  }, () => said);
  assert(/p +● ready/.test(said), said);
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0, run.stderr);
});

Deno.test("control: what cannot be done is said", async () => {
  await using hub = await TestHub.start();
  const args = hub.clientArgs;
  const none = await runAbcd(["status", ...args]);
  assertEquals(none.code, 1);
  assertMatch(
    none.stderr,
    /Cannot find the controller "run" .*takes up the programs that still run/,
  );
  await using cold = await fakeController(hub, "cold-lab");
  const only = await runAbcd(["status", ...args]);
  assertStringIncludes(only.stderr, 'Asks "cold-lab", the only run controller in hub ');
  assertStringIncludes(only.stdout, "ccd1");
  const words = await runAbcd(["completion", "words", "--", "stop", "c"], {
    env: { ABCD_SERVER: hub.address },
  });
  assertEquals(words.stdout, "ccd1\n");
  {
    await using _warm = await fakeController(hub, "warm-lab");
    const one = await runAbcd(["status", ...args]);
    assertEquals(one.code, 1);
    assertStringIncludes(one.stderr, 'with --controller: cold-lab ("lab"), warm-lab ("lab")');
  }
  // The usual one is away, for a moment, maybe: the other one's programs are not those that are meant.
  const current = { cmd: "run", topic: "run/current", retain: true };
  await cold.client.deliver({ ...current, experiment: "warm" });
  const away = await runAbcd(["stop", "hv", ...args]);
  assertEquals([away.code, cold.asked.some(({ cmd }) => cmd === "stop")], [1, false]);
  assertStringIncludes(away.stderr, 'start it with "abcd run FILE", which takes up');
  assertStringIncludes(away.stderr, 'with --controller: cold-lab ("lab")');
  await cold.client.deliver({ ...current, experiment: "lab" });
  assertStringIncludes((await runAbcd(["status", ...args])).stderr, 'Asks "cold-lab"');
  const unknown = await runAbcd(["stop", "vh", "--controller=cold-lab", ...args]);
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, 'Cannot stop: no program "vh"');
  const nothing = await runAbcd(["stop", ...args]);
  assertEquals(nothing.code, 2);
  assertStringIncludes(nothing.stderr, "--all");
  assertEquals((await runAbcd(["stop", "hv", "--all", ...args])).code, 2);
  const noHub = await runAbcd([
    "status",
    `--beacon-port=${freeUdpPort()}`,
    "--timeout=0.3",
  ], { env: { ABCD_SERVER: "" } });
  assertEquals(noHub.code, 1);
  assertStringIncludes(noHub.stderr, "abcd server");
});

Deno.test("control: a client that is no controller, or is silent, is no crash", async () => {
  await using hub = await TestHub.start();
  await using odd = await connect({ name: "odd", server: hub.address });
  odd.on("status", ({ from, id }) => odd.send({ cmd: "status", to: from, re: id, experiment: 3 }));
  const args = ["--controller=odd", "--timeout=1", ...hub.clientArgs];
  const wrong = await runAbcd(["status", ...args]);
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.stderr, "is it a run controller?");
  const silent = await runAbcd(["why", ...args]);
  assertEquals(silent.code, 1);
  assertStringIncludes(silent.stderr, 'has not answered "why" in 1 s');
});

Deno.test("start-run: when the hub is lost meanwhile it is said that the run goes on", async () => {
  await using hub = await TestHub.start();
  await using run = await fakeController(hub);
  const asked = Promise.withResolvers<void>();
  run.client.on("start-run", () => asked.resolve());
  await using start = abcd(["start-run", ...hub.clientArgs]);
  await asked.promise;
  hub.process.signal("SIGKILL");
  assertEquals((await start.end()).code, 1);
  assertMatch(
    start.stderr,
    /^abcd start-run: The hub was lost \(.*\); "run" goes on with the run: ask "abcd runs"\n$/,
  );
});

Deno.test("why and reload: words, safe for the terminal; JSON", async () => {
  await using hub = await TestHub.start();
  await using _run = await fakeController(hub);
  const why = await runAbcd(["why", "ccd1", ...hub.clientArgs]);
  assertEquals(why.code, 0, why.stderr);
  assert(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}ccd1: exit code 3$/m.test(why.stdout), why.stdout);
  assertStringIncludes(why.stdout, "  \\x1b[2Jboom");
  const json = await runAbcd(["why", "--json", ...hub.clientArgs]);
  assertEquals(JSON.parse(json.stdout).program, "ccd1");
  assertEquals((await runAbcd(["reload", ...hub.clientArgs])).stdout, "new: ccd2\n");
});

Deno.test("why: of a program that ends as it may, again and again, that is said", async () => {
  await using hub = await TestHub.start();
  await using lab = await Lab.create({
    p: { cmd: "sleep 1", startSec: 0 },
    q: { cmd: "sleep 1000", startSec: 0 },
  });
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub /);
  const why = async () => (await runAbcd(["why", ...hub.clientArgs])).stdout;
  const pattern =
    /^No unexpected end so far\np: it ended by itself as it may \(exit code 0\), and was started again, \d+ times\n$/;
  await until(async () => pattern.test(await why()), () => run.stderr);
});

Deno.test("logs: the last lines, then what follows, each once; also of a controller that is back", async () => {
  await using hub = await TestHub.start();
  let run = await fakeController(hub);
  run.write("hv", "old one");
  const past = await runAbcd(["logs", ...hub.clientArgs]);
  assertEquals(past.stdout, "hv | old one\n");
  await using logs = abcd(["logs", "-f", "hv", ...hub.clientArgs]);
  await logs.saw(/old one/);
  run.write("hv", "new one");
  run.write("ccd1", "not asked for");
  run.write("hv", "last \x1b[2J");
  await logs.saw(/last \\x1b\[2J/);
  assertEquals(logs.stdout, "hv | old one\nhv | new one\nhv | last \\x1b[2J\n");
  await run[Symbol.asyncDispose]();
  run = await fakeController(hub);
  await until(() => run.asked.some(({ cmd, follow }) => cmd === "log" && follow === true), "asked");
  await run.client.flush();
  // The answer and what comes behind it are in order; what was published before is not shown.
  await until(async () => {
    run.write("hv", "back");
    await run.client.flush();
    return logs.stdout.includes("hv | back");
  }, "lines of the new controller");
  await run[Symbol.asyncDispose]();
  logs.signal("SIGINT");
  assertEquals((await logs.end()).code, 0);
});

Deno.test("check: the plan in its order, JSON, every error with its place", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/lab.jsonc`;
  await Deno.writeTextFile(
    file,
    `{"run": {
      "ccd": {"cmd": ["take", "two words"], "dependsOn": {"cryo": "ready"}, "autostart": false},
      "cryo": {"cmd": ["cool", "--to\\n130"]} // first
    }}`,
  );
  const plan = await runAbcd(["check", file]);
  assertEquals(plan.code, 0, plan.stderr);
  assert(/At once:\n {2}cryo\n[^]*Step 2:\n {2}ccd\n/.test(plan.stdout), plan.stdout);
  assertStringIncludes(plan.stdout, "take 'two words'");
  assertStringIncludes(plan.stdout, "'--to\\n130'");
  assertMatch(plan.stderr, /there is no command (take|cool)/);
  assertStringIncludes(plan.stdout, "the file has no error, but see what is in doubt\n");
  assertStringIncludes(plan.stdout, "waits for    cryo ready");
  const json = JSON.parse((await runAbcd(["check", file, "--json"])).stdout);
  assertEquals(json.programs[0].argv, ["take", "two words"]);
  await Deno.writeTextFile(file, `{"run": {\n"a": {"cmd": ""},\n"b": {"cmd": "x", "stopp": 1}}}`);
  const wrong = await runAbcd(["check", file]);
  assertEquals(wrong.code, 2);
  assert(/lab\.jsonc:2:\d+: [^]*lab\.jsonc:3:\d+: /.test(wrong.stderr), wrong.stderr);
  assertEquals((await runAbcd(["check", `${folder.path}/none`])).code, 1);
});

Deno.test("completion: words, options, and programs of the experiment", async () => {
  await using hub = await TestHub.start();
  await using _run = await fakeController(hub);
  const env = { ABCD_SERVER: hub.address };
  const words = async (...line: string[]) =>
    (await runAbcd(["completion", "words", "--", ...line], { env })).stdout.split("\n").slice(
      0,
      -1,
    );
  assertEquals(await words("sta"), ["status", "start", "start-run"]);
  assertEquals(await words("stop", "--wa"), ["--wait"]);
  assertEquals(await words("stop", ""), ["hv", "ccd1"]);
  assertEquals(await words("stop", "hv", ""), ["ccd1"]);
  assertEquals(await words("run", ""), []);
  assertEquals(await words("no-such", ""), []);
  for (const shell of ["bash", "zsh", "fish"]) {
    assertStringIncludes((await runAbcd(["completion", shell])).stdout, "abcd completion words");
  }
  assertEquals((await runAbcd(["completion", "tcsh"])).code, 2);
});
