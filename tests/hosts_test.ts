// Programs on other computers: host agents, and what is left when one of the three (agent, hub,
// controller) is gone. All on this computer, each with real processes and real signals.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { abcd, freeTcpPort, runAbcd, type Running, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";
import { mountSmall } from "./small_disk.ts";

const FOREVER = "while :; do sleep 0.05; done";
/** Counts up without end; each instance tells its pid. */
const COUNT = "i=0; while :; do i=$((i+1)); echo $$ $i; sleep 0.01; done";
/** A second instance would say so. */
const ALONE =
  `exec 9>"$WITNESS.lock"; flock -n 9 || { echo "$$ is a second one" >>"$WITNESS.double"; exit 1; }; echo "$$" >>"$WITNESS.begun"; `;

/** A hub whose heart beats quickly. */
function quickHub(): Promise<TestHub> {
  return TestHub.start(["--heartbeat=0.5", "--timeout=2"]);
}

/** A program that can be one alone, whatever computer it runs on. */
function alone(lab: Lab, name: string, body: string) {
  return {
    cmd: `${ALONE}${body}`,
    shell: true,
    startSec: 0.1,
    env: { WITNESS: `${lab.path}/${name}` },
  };
}

/** Each instance counted up by one, without a gap; how many instances there were. */
function assertNoGap(log: string): number {
  const last = new Map<string, number>();
  for (const line of log.split("\n")) {
    const [, pid = "", i = ""] = /^(\d+) (\d+)$/.exec(line) ?? [];
    if (pid === "") continue;
    assertEquals(Number(i), (last.get(pid) ?? 0) + 1, `behind ${pid} ${last.get(pid)}`);
    last.set(pid, Number(i));
  }
  return last.size;
}

function begun(lab: Lab, name: string): number {
  return lab.text(`${name}.begun`).split("\n").length - 1;
}

async function end(controller: Running, lab: Lab): Promise<void> {
  controller.signal("SIGTERM");
  assertEquals((await controller.end()).code, 0, controller.stderr);
  assertEquals(lab.processes(), []);
}

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

/** How to bring a program on a host into a state, and what the agent that comes next makes of it. */
const STATES: {
  readonly [name: string]: { keys: object; seen: RegExp; then: RegExp; begun: number };
} = {
  starting: {
    keys: { body: FOREVER, startSec: 3 },
    seen: /starting: waiting → starting/,
    then: /starting: starting → running/,
    begun: 1,
  },
  running: {
    keys: { body: COUNT },
    seen: /running: starting → running/,
    then: /running: adopted/,
    begun: 1,
  },
  backoff: {
    keys: { body: "exit 9", startSec: 0.5, restartSec: 2, startLimit: 2 },
    seen: /backoff: starting → backoff \(exit code 9\)/,
    then: /backoff: starting → fatal \(exit code 9/,
    begun: 2,
  },
  stopping: {
    keys: { body: `trap "" TERM; ${FOREVER}`, stopSec: 2 },
    seen: /stopping: running → stopping/,
    then: /stopping: stopping → stopped/,
    begun: 1,
  },
  exited: {
    keys: { body: "exit 3", restart: "no", startSec: 0 },
    seen: /exited: \w+ → exited \(exit code 3\)/,
    then: /lab: controlled/,
    begun: 1,
  },
  ends: {
    keys: { body: `while ! test -e ../go; do sleep 0.02; done; exit 5`, restart: "no" },
    seen: /ends: starting → running/,
    then: /ends: running → exited \(exit code 5\)/,
    begun: 1,
  },
};

Deno.test("hosts: SIGKILL of the agent in each state of its programs: none is lost, none doubled", async () => {
  await using lab = await Lab.create({});
  lab.write(Object.fromEntries(
    Object.entries(STATES).map(([name, { keys }]) => {
      const { body, ...rest } = { body: "", ...keys };
      return [name, { host: "daq2", ...alone(lab, name, body), ...rest }];
    }),
  ));
  await using hub = await TestHub.start();
  await using controller = lab.run(...hub.clientArgs);
  const first = lab.agent("daq2", ...hub.clientArgs);
  await first.saw(/stopping: starting → running/);
  await first.saw(STATES.exited?.seen ?? /never/);
  await using stop = abcd(["stop", "stopping", "--wait=0", ...hub.clientArgs]);
  await stop.end();
  for (const { seen } of Object.values(STATES)) await first.saw(seen);
  const running = lab.instances("running").map(({ pid }) => pid);
  await killNow(first);
  await controller.saw(/running: running → unreachable on daq2/);
  Deno.writeTextFileSync(`${lab.path}/go`, "");
  const lines = () => lab.hostLog("daq2", "running").length;
  const then = lines();
  await until(() => lines() > then, "it does not go on");
  await until(() => lab.instances("ends").length === 0, "it has not ended");

  const second = lab.agent("daq2", ...hub.clientArgs);
  for (const { then } of Object.values(STATES)) await second.saw(then);
  await controller.saw(/running: unreachable → running on daq2/);
  await controller.saw(/ends: unreachable → exited on daq2 \(exit code 5\)/);
  await controller.saw(/stopping: unreachable → (stopping|stopped) on daq2/);
  await controller.saw(/backoff: (starting|backoff|unreachable) → fatal on daq2/);
  assertEquals(lab.instances("running").map(({ pid }) => pid), running);
  for (const [name, { begun: count }] of Object.entries(STATES)) {
    assertEquals(begun(lab, name), count, name);
    assertEquals(lab.text(`${name}.double`), "");
  }
  await end(controller, lab);
  assertEquals(assertNoGap(lab.hostLog("daq2", "running")), 1);
});

Deno.test("hosts: controller, hub and agent are gone one after the other; the program goes on", async () => {
  await using lab = await Lab.create({});
  const crash = `echo $$ >pid; ${COUNT}`;
  lab.write({
    p: { host: "daq2", ...alone(lab, "p", crash), restartSec: 0.1 },
    // Down and up with p, also if that was restarted while nobody could see it.
    d: {
      cmd: FOREVER,
      shell: true,
      startSec: 0.1,
      dependsOn: { p: "started" },
      withDependency: true,
    },
  });
  const ports = [`--http-port=${freeTcpPort()}`, `--tcp-port=${freeTcpPort()}`];
  const quick = ["--heartbeat=0.5", "--timeout=2", "--no-watchdog", ...ports];
  const hub = await TestHub.start(quick);
  await using agent = lab.agent("daq2", ...hub.clientArgs);
  const first = lab.run(...hub.clientArgs);
  await first.saw(/d: ready/);
  const pid = () => Number(lab.text("daq2/pid"));
  const one = pid();

  // Without a controller: what crashes is started again.
  await killNow(first);
  assertEquals(lab.instances("p").map(({ pid }) => pid), [one]);
  Deno.kill(one, "SIGKILL");
  await until(() => lab.instances("p").some((it) => it.pid !== one), "it is not started again");
  await using second = lab.run(...hub.clientArgs);
  await second.saw(/d: adopted/);
  await second.saw(/p: adopted on daq2, pid/);
  assertMatch(agent.stderr, /controlled by run[^]*controlled by run/);
  const why = await runAbcd(["why", "p", ...hub.clientArgs]);
  assertStringIncludes(why.stdout, "ended by SIGKILL");

  // Without a hub, which is killed: the same; and what depends on it learns of it afterwards.
  const two = pid();
  const dependant = lab.instances("d")[0]?.pid;
  await killNow(hub.process);
  await second.saw(/p: running → unreachable on daq2 \(the hub is away\)/);
  Deno.kill(two, "SIGKILL");
  await until(() => lab.instances("p").some((it) => it.pid !== two), "it is not started again");
  await using again = await TestHub.start(quick);
  await second.saw(
    /p: unreachable → starting on daq2 \(it was restarted meanwhile\)|p: unreachable → \w+ on daq2[^]*d: restarted with p/,
  );
  await until(() => {
    const [it] = lab.instances("d");
    return it !== undefined && it.pid !== dependant;
  }, "d was not restarted with p");

  // The agent is frozen: unreachable, not lost; and back.
  const three = pid();
  agent.signal("SIGSTOP");
  await second.saw(/p: running → unreachable on daq2 \(daq2 has left the hub\)/);
  const then = lab.hostLog("daq2", "p").length;
  await until(() => lab.hostLog("daq2", "p").length > then, "it does not write on");
  agent.signal("SIGCONT");
  await second.saw(/daq2 has left the hub[^]*p: unreachable → running on daq2/);
  assertEquals(lab.instances("p").map(({ pid }) => pid), [three]);

  assertEquals(begun(lab, "p"), 3);
  assertEquals(lab.text("p.double"), "");
  await end(second, lab);
  assertEquals(assertNoGap(lab.hostLog("daq2", "p")), 3);
  await again.process[Symbol.asyncDispose]();
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
  await first.saw(/p: \w+ → unreachable on daq2/);
  const told = await runAbcd(["status", "p", ...hub.clientArgs]);
  assertMatch(told.stdout, /moves to daq3 when it has stopped/);
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
  const second = lab.runWith({ XDG_STATE_HOME: `${lab.path}/state2` }, ...hub.clientArgs);
  await second.saw(
    new RegExp(`unreachable on daq2 \\("lab" on daq2 is controlled by run \\(pid ${first.pid} on `),
  );
  await agent.saw(/refused: run-2 claims "lab"/);
  assertEquals(lab.instances("p").length, 1);
  // Left running on purpose: it is still the first one's.
  first.signal("SIGTERM");
  assertEquals((await first.end()).code, 0);
  assertEquals(lab.instances("p").length, 0);
  await second.saw(/p: ready on daq2/);
  await end(second, lab);
});

Deno.test("hosts: --leave and an agent that is away at the end: the programs run on, and are taken up", async () => {
  await using lab = await Lab.create({});
  lab.write({ p: { ...alone(lab, "p", FOREVER), host: "daq2" } });
  await using hub = await quickHub();
  await using agent = lab.agent("daq2", ...hub.clientArgs);
  const first = lab.run("--leave", ...hub.clientArgs);
  await first.saw(/p: ready on daq2/);
  first.signal("SIGTERM");
  assertEquals((await first.end()).code, 0);
  assertEquals(lab.instances("p").length, 1);
  // Settings that were changed meanwhile hold from now on.
  lab.write({ p: { ...alone(lab, "p", FOREVER), host: "daq2", restartSec: 3 } });
  const second = lab.run(...hub.clientArgs);
  await second.saw(/p: adopted on daq2, pid[^]*p: ready on daq2/);
  assertEquals([lab.instances("p").length, begun(lab, "p")], [1, 2]);
  agent.signal("SIGSTOP");
  await second.saw(/p: running → unreachable on daq2/);
  // Once to stop all, once more not to wait for the one that is away.
  second.signal("SIGTERM");
  await second.saw(/stopping all programs/);
  second.signal("SIGTERM");
  await second.saw(/p: not stopped, as daq2 cannot be reached; it may run on there/);
  assertEquals((await second.end()).code, 1);
  agent.signal("SIGCONT");
  const third = lab.run(...hub.clientArgs);
  await third.saw(/p: adopted on daq2, pid/);
  assertEquals([lab.instances("p").length, begun(lab, "p")], [1, 2]);
  await end(third, lab);
});

Deno.test("hosts: a torn file of orders stops nothing; a disk of the host that gets full is an alarm here", async () => {
  await using lab = await Lab.create({});
  lab.write({ p: { ...alone(lab, "p", COUNT), host: "daq2" } });
  await using disk = await mountSmall(`${lab.path}/daq2`);
  await using hub = await TestHub.start();
  await using controller = lab.run(...hub.clientArgs);
  const first = lab.agent("daq2", ...hub.clientArgs);
  await controller.saw(/p: ready on daq2/);
  if (disk !== undefined) {
    const source = `disk ${lab.path}/daq2 on daq2`;
    await controller.saw(new RegExp(`alarm: ${source}: `));
    const status = JSON.parse((await runAbcd(["status", "--json", ...hub.clientArgs])).stdout);
    assert(status.alarms.some((one: { source: string }) => one.source === source));
  }
  const [one] = lab.instances("p");
  await killNow(first);
  const path = `${lab.path}/state/abcd/agents/daq2/experiments/lab/agent.orders`;
  const text = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, text.slice(0, text.length / 2));
  await using second = lab.agent("daq2", ...hub.clientArgs);
  await second.saw(/agent\.orders is not believed/);
  await second.saw(/p: adopted/);
  await controller.saw(/p: unreachable → running on daq2/);
  assertEquals(lab.instances("p").map(({ pid }) => pid), [one?.pid]);
  assertEquals((await runAbcd(["restart", "p", ...hub.clientArgs])).code, 0);
  assertEquals([lab.instances("p").length, begun(lab, "p")], [1, 2]);
  await end(controller, lab);
});
