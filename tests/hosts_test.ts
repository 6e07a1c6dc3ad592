// Programs on other computers, run by host agents: where they run, who may say so, and how they move.
// All on this computer, each with real processes.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { deriveKey, keyText } from "../lib/keys/key.ts";
import { readOrders } from "../lib/hosts/host_report.ts";
import { connect, type Message } from "../mod.ts";
import { testKey } from "./config_home.ts";
import { abcd, runAbcd, TestHub, until } from "./harness.ts";
import { alone, begun, COUNT, end, FOREVER, quickHub } from "./hosts_lab.ts";
import { killNow, Lab } from "./run_lab.ts";

Deno.test("hosts: programs run where the file says, in order; status, logs, why, stop and start", async () => {
  await using lab = await Lab.create({});
  lab.write({
    first: {
      cmd: `pwd; echo $ABCD_NAME $ABCD_SERVER; touch up; ${FOREVER}`,
      shell: true,
      host: "daq2",
      cwd: "sub",
      startSec: 0.1,
      ready: { file: "sub/up" },
    },
    near: { cmd: COUNT, shell: true, startSec: 0.1, dependsOn: { first: "ready" } },
    last: {
      cmd:
        `i=0; while ! test -e die; do i=$((i+1)); echo last $i; sleep 0.02; done; rm die; exit 7`,
      shell: true,
      host: "daq2",
      startSec: 0.1,
      restartSec: 0.1,
      dependsOn: { near: "started" },
    },
  });
  await using hub = await TestHub.start();
  await using controller = lab.run(...hub.clientArgs);
  Deno.mkdirSync(`${lab.path}/daq2/sub`, { recursive: true });
  await controller.saw(/first: waiting → unreachable on daq2 \(.*start it there with: abcd exec/);
  await using agent = lab.agent("daq2", ...hub.clientArgs);
  await controller.saw(/last: ready on daq2/);
  assertMatch(
    controller.stderr,
    /first: ready on daq2[^]*near: waiting → starting[^]*near: ready[^]*last: waiting → starting/,
  );
  assertEquals(lab.hostLog("daq2", "first"), `${lab.path}/daq2/sub\nfirst ${hub.address}\n`);
  assertEquals(lab.log("first"), "");

  const status = JSON.parse((await runAbcd(["status", "--json", ...hub.clientArgs])).stdout);
  const [first, near, last] = status.programs;
  assertEquals([first.host, near.host, last.host], ["daq2", undefined, "daq2"]);
  assertEquals(first.pid, lab.instances("first")[0]?.pid);
  assert(last.ready && /^last \d+$/.test(last.lastLine), JSON.stringify(last));
  const logs = await runAbcd(["logs", "-n", "2", ...hub.clientArgs]);
  assertMatch(
    logs.stdout,
    /^first \| .*\n(first \| .*\n)(near {2}\| .*\n){2}(last {2}\| last \d+\n){2}$/,
  );

  await using follow = abcd(["logs", "-f", "-n", "3", ...hub.clientArgs]);
  await follow.saw(/near {2}\| \d+ \d+\n[^]*last {2}\| last \d+\n[^]*near {2}\|/);
  Deno.writeTextFileSync(`${lab.path}/daq2/die`, "");
  await controller.saw(/last: running → backoff on daq2 \(exit code 7\)/);
  await controller.saw(/last: backoff → starting on daq2/);
  const why = await runAbcd(["why", "last", ...hub.clientArgs]);
  assertMatch(why.stdout, /last: exit code 7[^]*Its last lines:\n {2}last \d+/);

  const stop = await runAbcd(["stop", "last", ...hub.clientArgs]);
  assertEquals(stop.code, 0, stop.stderr);
  assertEquals(lab.instances("last"), []);
  const before = lab.instances("first")[0]?.pid;
  const restart = await runAbcd(["restart", "first", ...hub.clientArgs]);
  assertEquals(restart.code, 0, restart.stdout + restart.stderr);
  const after = lab.instances("first");
  assertEquals(after.length, 1);
  assert(after[0]?.pid !== before);
  assertEquals(lab.instances("last"), []);
  // What was followed has no gap and no double, whichever computer it came from.
  follow.signal("SIGINT");
  await follow.end();
  const lines = [...follow.stdout.matchAll(/^last {2}\| last (\d+)$/gm)].map(([, n]) => Number(n));
  const from = lines[0] ?? 0;
  const upTo = lines.indexOf(1, 1) < 0 ? lines.length : lines.indexOf(1, 1);
  assertEquals(lines.slice(0, upTo), lines.slice(0, upTo).map((_, i) => from + i));
  await end(controller, lab);
  await agent.saw(/lab: run has stopped it, and leaves/);
});

Deno.test("hosts: a program moves by reload; while its old host is unreachable it waits and says why", async () => {
  await using lab = await Lab.create({});
  const file = (keys: object) => lab.write({ p: { ...alone(lab, "p", COUNT), ...keys } });
  file({ host: "daq2" });
  await using hub = await quickHub();
  await using one = lab.agent("daq2", ...hub.clientArgs);
  await using two = lab.agent("daq3", ...hub.clientArgs);
  const first = lab.run(...hub.clientArgs);
  await first.saw(/p: ready on daq2/);

  one.signal("SIGSTOP");
  file({ host: "daq3" });
  first.signal("SIGHUP");
  await first.saw(/reload: moving once stopped where they are: p\n/);
  await first.saw(/p: \w+ → unreachable on daq2/);
  const told = await runAbcd(["status", "p", ...hub.clientArgs]);
  assertMatch(told.stdout, /moves to daq3 when it has stopped/);
  // Not any more; out of the file altogether; and there again after all.
  file({ host: "daq2" });
  first.signal("SIGHUP");
  await first.saw(/reload: restarting once their host is reached: p\n/);
  const status = async () => (await runAbcd(["status", "p", ...hub.clientArgs])).stdout;
  assertMatch(await status(), /unreachable .* daq2 (?!.*moves)/);
  lab.write({ other: { cmd: "sleep 1000" } });
  first.signal("SIGHUP");
  await first.saw(/no longer there: p/);
  assertMatch(await status(), /no longer in the file, and goes when it has stopped: /);
  file({ host: "daq3" });
  first.signal("SIGHUP");
  await first.saw(/(reload: moving once stopped where they are: p[^]*){2}/);
  assert(!first.stderr.includes("restarting: p"), first.stderr);
  assertEquals(begun(lab, "p"), 1);
  // The next controller knows it too.
  await killNow(first);
  const second = lab.run(...hub.clientArgs);
  await second.saw(/in hub/);
  const still = await runAbcd(["status", "p", ...hub.clientArgs]);
  assertMatch(still.stdout, /unreachable .*moves to daq3 when it has stopped: /);
  assertEquals(begun(lab, "p"), 1);
  one.signal("SIGCONT");
  await second.saw(/p: ready on daq3/);
  await one.saw(/p: running → stopping/);
  assertEquals([lab.instances("p").length, begun(lab, "p")], [1, 2]);

  // To the controller's own computer, and back.
  file({});
  second.signal("SIGHUP");
  await second.saw(/p: starting → running \(/);
  file({ host: "daq3" });
  second.signal("SIGHUP");
  await second.saw(/(p: ready on daq3[^]*){2}/);
  assertEquals([lab.instances("p").length, begun(lab, "p")], [1, 4]);
  assertEquals(lab.text("p.double"), "");

  // No longer in the file: stopped there, and forgotten.
  lab.write({ other: { cmd: "sleep 1000" } });
  second.signal("SIGHUP");
  await second.saw(/no longer there: p/);
  await until(() => lab.instances("p").length === 0, "it is not stopped");
  await two.saw(/p: stopping → stopped/);
  await end(second, lab);
});

Deno.test("hosts: what the agent's operator has not allowed is fatal, with the reason", async () => {
  await using lab = await Lab.create({});
  lab.write({ p: { cmd: "sleep 1000", host: "daq2", startSec: 0.1 }, q: { cmd: "sleep 1000" } });
  await using hub = await TestHub.start();
  const start = (...args: string[]) =>
    abcd(["exec", "--agent", "--name=daq2", ...hub.clientArgs, ...args], {
      env: { XDG_STATE_HOME: `${lab.path}/state` },
    });
  await using controller = lab.run(...hub.clientArgs);
  {
    await using agent = start("--allow-experiment=other");
    await controller.saw(
      /p: .* → fatal on daq2 \(daq2 does not run experiment "lab"; its operator can allow it with --allow-experiment lab\)/,
    );
    await agent.saw(/refused: run may not control "lab" here/);
    assertEquals(lab.instances("p"), []);
    // It asks again and again, which is answered, and said once.
    await using client = await connect({ name: "run-2", server: hub.address });
    const ask = () =>
      client.request({ cmd: "agent-claim", to: "daq2", experiment: "lab", claim: "x" });
    assertEquals([(await ask()).code, (await ask()).code], ["not-allowed", "not-allowed"]);
    await agent.saw(/refused: run-2 may not control/);
    assertEquals(agent.stderr.split("refused: run-2").length, 2);
  }
  {
    await using _ = start("--allow=true", "--allow-folder=/opt");
    await controller.saw(
      /p: .* → fatal on daq2 \(cannot be started: Not allowed: sleep; no --allow names it/,
    );
    assertEquals(lab.instances("p"), []);
  }
  {
    await using agent = start("--allow=sleep *");
    await controller.saw(/daq2 is there[^]*daq2 is there/);
    assertEquals((await runAbcd(["start", "p", ...hub.clientArgs])).code, 0);
    // Nobody but its controller is obeyed.
    const order = ["to=daq2", "cmd=agent-order", "experiment=lab", "claim=x", "orders:=[]"];
    const sent = await runAbcd(["send", ...order, "--wait=5", ...hub.clientArgs]);
    assertStringIncludes(sent.stdout, "does not control");
    agent.signal("SIGTERM");
    await agent.saw(/left running, for the next agent to take up: lab: p/);
    assertEquals((await agent.end()).code, 0);
    assertEquals(lab.instances("p").length, 1);
    // What runs is what the operator's rule has found, whatever else has that name.
    const [one] = lab.instances("p");
    assertMatch(await Deno.readTextFile(`/proc/${one?.pid}/cmdline`), /^\/[^\0]*sleep\0/);
  }
  // Not allowed any more: it is looked after, and not started again.
  await using agent = start("--allow-experiment=other");
  await agent.saw(/lab: runs here from before, and is not allowed any more/);
  await controller.saw(/(daq2 is there[^]*){3}p: unreachable → running/);
  for (const { pid } of lab.instances("p")) Deno.kill(pid, "SIGKILL");
  await controller.saw(/p: .* → fatal on daq2 \(cannot be started: Not allowed/);
  await end(controller, lab);
});

Deno.test("hosts: a second controller is refused, with the first one's name; it is none's when that leaves", async () => {
  await using lab = await Lab.create({});
  lab.write({ p: { cmd: "sleep 1000", host: "daq2", startSec: 0.1 } });
  await using hub = await TestHub.start();
  await using agent = lab.agent("daq2", ...hub.clientArgs);
  const first = lab.run(...hub.clientArgs);
  await first.saw(/p: ready on daq2/);
  // Of the same name it would be refused by itself; one with another name asks the agent.
  lab.write({ p: { cmd: "sleep 1000", host: "daq2", startSec: 0.1 } }, { controller: "second" });
  const second = lab.runWith({ XDG_STATE_HOME: `${lab.path}/state2` }, ...hub.clientArgs);
  await second.saw(
    new RegExp(`unreachable on daq2 \\("lab" on daq2 is controlled by run \\(pid ${first.pid} on `),
  );
  await agent.saw(/refused: second claims "lab"/);
  assertEquals(lab.instances("p").length, 1);
  // Left running on purpose: it is still the first one's.
  first.signal("SIGTERM");
  assertEquals((await first.end()).code, 0);
  assertEquals(lab.instances("p").length, 0);
  await second.saw(/p: ready on daq2/);
  await end(second, lab);
});

Deno.test("hosts: an agent needs a key and no right; whoever gives it orders needs the right to run", async () => {
  await using lab = await Lab.create({});
  lab.write({ p: { cmd: "sleep 1000", host: "daq2", startSec: 0.1 } });
  const file = `${lab.path}/rights.jsonc`;
  Deno.writeTextFileSync(file, JSON.stringify({ keys: { daq2: {}, shift: { may: ["run"] } } }));
  await using hub = await TestHub.start([`--rights=${file}`], { open: false });
  const keyOf = async (id: string) => keyText(await deriveKey(testKey(), id));
  const state = { XDG_STATE_HOME: `${lab.path}/state` };
  await using _ = abcd(
    ["exec", "--agent", "--name=daq2", "--allow-experiment=lab", ...hub.clientArgs],
    { env: { ...state, ABCD_KEY: await keyOf("daq2") } },
  );
  await using controller = lab.run(...hub.clientArgs);
  await controller.saw(/p: ready on daq2/);
  const order = async (id: string) => {
    const words = ["to=daq2", "cmd=agent-claim", "experiment=lab", "claim=mine", `--as=${id}-x`];
    return await runAbcd(["send", ...words, "--wait=5", ...hub.clientArgs], {
      env: { ABCD_KEY: await keyOf(id) },
    });
  };
  const denied = await order("daq2");
  assertEquals(denied.code, 1);
  assertStringIncludes(denied.stderr, 'the key "daq2" has no right "run"');
  // Who may give orders does not thereby get what another controller has.
  assertStringIncludes((await order("shift")).stdout, "is controlled by run");
  await end(controller, lab);
});

Deno.test("hosts: an agent whose clock is wrong, and one that talks nonsense; a false controller is not obeyed", async () => {
  await using lab = await Lab.create({});
  lab.write({ p: { cmd: "x", host: "far" }, q: { cmd: "sleep 1000", startSec: 0.1 } });
  await using hub = await TestHub.start();
  await using far = await connect({ name: "far", server: hub.address });
  const hourAgo = () => Date.now() / 1000 - 3600;
  const asked: Message[] = [];
  far.on("agent-claim", ({ from, id, experiment }) => {
    const p = { name: "p", state: "running", ready: true, restarts: 0, order: 5 };
    const reports = [{ ...p, since: hourAgo() - 10 }, null, { name: 7 }, "x", { name: "s" }];
    far.send({ cmd: "host-claim", to: from, re: id, experiment, time: hourAgo(), reports });
  });
  far.on("agent-order", (message) => {
    asked.push(message);
    const { from, id, experiment } = message;
    const [one] = readOrders(message);
    // What it is told is done, but for a stop.
    if (one?.what !== "start") return;
    const p = { name: "p", state: "running", ready: true, restarts: 0, order: one.order };
    const reports = [{ ...p, since: hourAgo() - 10 }];
    far.send({ cmd: "host-order", to: from, re: id, experiment, time: hourAgo(), reports });
  });
  await using controller = lab.run(...hub.clientArgs);
  await controller.saw(/the clock of far is 3600 s behind this computer's/);
  await controller.saw(/p: adopted on far, running/);
  await until(() => asked.length > 0, "it is told nothing");
  await far.flush();
  const { programs } = JSON.parse((await runAbcd(["status", "--json", ...hub.clientArgs])).stdout);
  const age = Date.now() / 1000 - programs[0].since;
  assert(age > 9 && age < 70, `it seems to run for ${age} s`);

  const about = { to: "run", experiment: "lab" };
  for (
    const cmd of [
      "host-state",
      "host-verdict",
      "host-alarm",
      "host-why",
      "host-claim",
      "host-order",
    ]
  ) {
    for (
      const rest of [{}, {
        reports: 5,
        verdict: [],
        alarm: "x",
        verdicts: {},
        refused: [1],
        unknown: 3,
      }]
    ) {
      far.send({ ...about, cmd, ...rest });
    }
  }
  // It knows the program, so that is told its settings; nobody but its host is believed.
  await until(() => asked.length > 0, "it is told nothing");
  assertEquals(asked[0]?.experiment, "lab");
  await using other = await connect({ name: "other", server: hub.address });
  const gone = { name: "p", state: "stopped", ready: false, restarts: 0, order: 9, since: 1 };
  other.send({ ...about, cmd: "host-state", reports: [gone] });
  await other.flush();
  const still = await runAbcd(["status", "--json", ...hub.clientArgs]);
  const [p, q] = JSON.parse(still.stdout).programs;
  assert(p.state !== "stopped", still.stdout);
  assertEquals([q.state, q.ready], ["running", true]);
  // It never carries out a stop: the end is not held up by it, and says so.
  controller.signal("SIGTERM");
  await controller.saw(/stopping all programs/);
  await controller.signalAgain("SIGTERM");
  await far.close();
  assertEquals((await controller.end()).code, 1);
  assertEquals(lab.processes(), []);
});
