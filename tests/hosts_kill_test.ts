// What is left of programs on other computers when one of the three (agent, hub, controller) is gone:
// real processes and real signals.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { abcd, freeTcpPort, runAbcd, TestHub, until } from "./harness.ts";
import { alone, assertNoGap, begun, COUNT, end, FOREVER, quickHub } from "./hosts_lab.ts";
import { killNow, Lab } from "./run_lab.ts";
import { decodeRecord, encodeRecord } from "../lib/run/state_folder.ts";
import { mountSmall } from "./small_disk.ts";

/** How to bring a program on a host into a state, and what the agent that comes next makes of it. */
const STATES: {
  readonly [name: string]: { keys: object; seen: RegExp; then: RegExp; begun: number };
} = {
  starting: {
    keys: { body: FOREVER, startSec: 4 },
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
    keys: { body: "exit 9", startSec: 0.5, restartSec: 1000 },
    seen: /backoff: starting → backoff \(exit code 9\)/,
    then: /lab: controlled/,
    begun: 1,
  },
  stopping: {
    keys: { body: `trap "" TERM; ${FOREVER}`, stopSec: 4 },
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
  await controller.saw(/backoff: unreachable → backoff on daq2 \(exit code 9\)/);
  assertEquals(lab.instances("running").map(({ pid }) => pid), running);
  for (const [name, { begun: count }] of Object.entries(STATES)) {
    assertEquals(begun(lab, name), count, name);
    assertEquals(lab.text(`${name}.double`), "");
  }
  await end(controller, lab);
  assertEquals(assertNoGap(lab.hostLog("daq2", "running")), 1);
});

Deno.test("hosts: the computer of a host is restarted: what had done its work there does it again", async () => {
  await using lab = await Lab.create({});
  const work = (name: string) => ({
    cmd: `echo ${name} >>work`,
    ...{ host: "daq2", shell: true, restart: "no", startSec: 0.05 },
  });
  const goesOn = { cmd: FOREVER, shell: true, host: "daq2", startSec: 0.05 };
  lab.write({
    near: { cmd: "sleep 1000", startSec: 0.05 },
    setup: { ...work("setup"), dependsOn: { near: "ready" } },
    daq: { ...goesOn, dependsOn: { setup: "completed" } },
    once: { ...goesOn, restart: "no" },
    byhand: { ...work("byhand"), autostart: false },
    hv: goesOn,
  });
  await using hub = await quickHub();
  await using run = lab.run(...hub.clientArgs);
  const agent = lab.agent("daq2", ...hub.clientArgs);
  await run.saw(/daq: ready on daq2/);
  await run.saw(
    /once: ready on daq2[^]*hv: ready on daq2|hv: ready on daq2[^]*once: ready on daq2/,
  );
  for (const [what, name] of [["start", "byhand"], ["stop", "hv"]] as const) {
    const told = await runAbcd([what, name, ...hub.clientArgs]);
    assertEquals(told.code, 0, told.stderr);
  }
  await killNow(agent);
  for (const name of ["daq", "once"]) {
    for (const { pid } of lab.instances(name)) Deno.kill(pid, "SIGKILL");
  }
  const folder = `${lab.path}/state/abcd/agents/daq2/experiments/lab/programs`;
  for (const { name } of [...Deno.readDirSync(folder)]) {
    const found = decodeRecord(Deno.readTextFileSync(`${folder}/${name}`));
    assert(found.kind === "record" && typeof found.record === "object", name);
    const record = { ...found.record, boot: "the one before" };
    Deno.writeTextFileSync(`${folder}/${name}`, encodeRecord(record));
  }
  const second = lab.agent("daq2", ...hub.clientArgs);
  await second.saw(/the computer was restarted: byhand, once, setup begin/);
  await run.saw(/byhand: daq2 knows nothing of it any more; as it had ended, it stays so/);
  await run.saw(/setup: daq2 knows nothing of it any more[^]*setup: \w+ → exited on daq2/);
  await until(() => lab.instances("once").length === 1, "once does not run");
  await until(() => lab.instances("daq").length === 1, "daq does not run");
  assertEquals(lab.text("daq2/work"), "setup\nbyhand\nsetup\n");
  assertEquals(lab.instances("hv"), []);
  await end(run, lab);
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
  const quick = ["--heartbeat=0.5", "--timeout=2", ...ports];
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
  await second.signalAgain("SIGTERM");
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
