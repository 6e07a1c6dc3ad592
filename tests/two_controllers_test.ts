// Two experiments in one hub, with programs of the same names: nothing of one is taken for the other's.

import { assert, assertEquals } from "@std/assert";
import { connect, type Message } from "../mod.ts";
import { freeTcpPort } from "./free_ports.ts";
import { abcd, runAbcd, TestHub, until } from "./harness.ts";
import { RawClient } from "./raw_client.ts";
import { Lab } from "./run_lab.ts";

const saying = (word: string) => ({
  p: { cmd: `while :; do echo ${word}; sleep 0.05; done`, shell: true, startSec: 0, runOrder: 1 },
  far: { cmd: `while :; do echo far ${word}; sleep 0.05; done`, shell: true, host: "pc" },
});

Deno.test("two controllers in one hub: topics, last values, status, logs and orders are apart", async () => {
  await using hub = await TestHub.start();
  const { p, far } = saying("second");
  await using first = await Lab.create({ p: saying("first").p });
  await using second = await Lab.create({ p, far }, { controller: "run2" });
  await using client = await connect({ name: "watcher", server: hub.address });
  const topics = new Map<string, Set<string>>();
  client.subscribe("#", ({ topic = "", from = "" }) => {
    topics.set(topic, (topics.get(topic) ?? new Set()).add(from));
  });
  await client.flush();
  await using agent = second.agent("pc", ...hub.clientArgs);
  await using one = first.run(...hub.clientArgs);
  await using two = second.run(...hub.clientArgs);
  await one.saw(/p: ready/);
  await two.saw(/far: ready/);

  // Whoever comes late gets the last value of each.
  await using late = await connect({ name: "late", server: hub.address });
  const kept = new Map<string, string>();
  late.subscribe("+/current", ({ topic = "", from = "", retained }) => {
    assert(retained);
    kept.set(topic, from);
  });
  await until(() => kept.size === 2, () => `last values: ${[...kept]}`);
  assertEquals(kept, new Map([["run/current", "run"], ["run2/current", "run2"]]));

  // Lines of the own programs alone, those of the other computer too.
  const at = [...hub.clientArgs, "--controller=run2"];
  await using logs = abcd(["logs", "-f", "-n", "0", ...at]);
  await using logsOfFirst = abcd(["logs", "-f", "-n", "0", ...hub.clientArgs]);
  await logs.saw(/far second[^]*p +\| second|p +\| second[^]*far second/);
  await logsOfFirst.saw(/(p +\| first\s+){5}/);
  assert(!/first/.test(logs.stdout), logs.stdout);
  assert(!/second/.test(logsOfFirst.stdout), logsOfFirst.stdout);

  const stop = await runAbcd(["stop", "p", ...at]);
  assertEquals(stop.code, 0, stop.stderr);
  const states = async (...args: string[]) => {
    const { stdout } = await runAbcd(["status", "--json", ...hub.clientArgs, ...args]);
    return JSON.parse(stdout).programs.map((one: { name: string; state: string }) =>
      `${one.name} ${one.state}`
    );
  };
  assertEquals(await states("--controller=run2"), ["p stopped", "far running"]);
  assertEquals(await states(), ["p running"]);
  const none = await runAbcd(["status", ...hub.clientArgs, "--controller=run3"]);
  assert(
    /there are with --controller: run \("[^"]+"\), run2 \("[^"]+"\)/.test(none.stderr),
    none.stderr,
  );

  for (const running of [two, one, agent]) {
    running.signal("SIGTERM");
    assertEquals((await running.end()).code, 0, running.stderr);
  }
  for (const [topic, from] of topics) {
    const whose = topic.startsWith("run/") ? ["run"] : ["run2", "pc"];
    assert([...from].every((name) => whose.includes(name)), `${topic}: ${[...from]}`);
  }
  for (const topic of ["run/p/state", "run2/p/state", "run2/far/state", "run2/far/log"]) {
    assert(topics.has(topic), `${topic} is not among ${[...topics.keys()]}`);
  }
});

Deno.test("two experiments whose controllers have one name: both say so, until one has left", async () => {
  await using hub = await TestHub.start();
  const p = { cmd: "sleep 1000", startSec: 0 };
  await using first = await Lab.create({ p });
  await using second = await Lab.create({ p }, { experiment: "attic" });
  await using one = first.run(...hub.clientArgs);
  await one.saw(/in hub /);
  await using two = second.run(...hub.clientArgs);
  await one.saw(/alarm: controller: here it is "run", as "attic" runs in this hub as "run" too/);
  await two.saw(/alarm: controller: here it is "run-2", as "lab" runs .*--controller run-2/);
  const { stdout } = await runAbcd(["status", "--controller=run-2", ...hub.clientArgs]);
  assert(/controller: here it is "run-2"/.test(stdout), stdout);
  two.signal("SIGTERM");
  await one.saw(/alarm: controller: the other controller has left/);
});

Deno.test("a controller whose predecessor is dead, and still connected, has its name and its last value", async () => {
  await using hub = await TestHub.start();
  // As after a power cut of its computer: the hub has not noticed, and nobody answers.
  using dead = await RawClient.join(hub.tcpPort, "run");
  await dead.say({ cmd: "run", topic: "run/current", retain: true, run: 7, phase: "running" });
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", startSec: 0, runOrder: 1 } });
  await using controller = lab.run(...hub.clientArgs);
  await controller.saw(/in hub/);
  await dead.end();
  await using client = await connect({ name: "watcher", server: hub.address });
  assertEquals((await client.clients()).map(({ name }) => name), ["run", "watcher"]);
  let current: Message | undefined;
  client.subscribe("run/current", (message) => void (current = message));
  await until(() => current?.experiment === "lab", () => JSON.stringify(current));
  assertEquals([current?.phase, current?.run], ["idle", undefined]);
  const status = await runAbcd(["status", ...hub.clientArgs]);
  assertEquals(status.code, 0, status.stderr);
});

Deno.test("a second controller of one experiment, of another user or computer: refused by what the hub knows", async () => {
  await using hub = await TestHub.start();
  const program = { p: { cmd: "sleep 1000", startSec: 0 } };
  await using first = await Lab.create(program);
  // A state folder of its own: no lock tells the one of the other.
  await using second = await Lab.create(program);
  await using one = first.run(...hub.clientArgs);
  await one.saw(/p: ready/);
  const two = second.run(...hub.clientArgs);
  const { code } = await two.end();
  const { stderr } = two;
  assertEquals(code, 1, stderr);
  assert(/Cannot control "lab": "run" \(pid \d+ on \S+\) does already/.test(stderr), stderr);
  assertEquals(second.processes(), []);

  // Once that is gone it may be run here.
  one.signal("SIGTERM");
  assertEquals((await one.end()).code, 0, one.stderr);
  await using three = second.run(...hub.clientArgs);
  await three.saw(/p: ready/);
});

Deno.test("two controllers of one experiment that meet only when the hub comes: an alarm while both are there", async () => {
  const port = freeTcpPort();
  const program = { p: { cmd: "sleep 1000", startSec: 0 } };
  await using first = await Lab.create(program);
  await using second = await Lab.create(program);
  const at = [`--server=127.0.0.1:${port}`];
  await using one = first.run(...at);
  await using two = second.run(...at);
  await Promise.all([one.saw(/p: ready/), two.saw(/p: ready/)]);
  await using hub = await TestHub.start([`--http-port=${port}`]);
  await until(
    () => /CRITICAL|alarm: controller: "run(-2)?" \(pid/.test(one.stderr + two.stderr),
    () => `${one.stderr}\n${two.stderr}`,
  );
  const [told, other] = /alarm: controller/.test(one.stderr) ? [one, two] : [two, one];
  other.signal("SIGTERM");
  await told.saw(/alarm: controller: the other controller has left/);
  assertEquals((await other.end()).code, 0, hub.address);
});
