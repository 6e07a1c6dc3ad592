// What is seen of a hub from outside: /metrics, _stats, and a log whose level changes while it runs.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, type Message } from "../mod.ts";
import { abcd, runAbcd, temporaryFolder, TestHub, until } from "./harness.ts";
import { readMetrics } from "./prometheus.ts";

async function metrics(hub: TestHub): Promise<(family: string) => number> {
  const answer = await fetch(`http://${hub.address}/metrics`);
  assertEquals(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const families = readMetrics(await answer.text());
  return (family) => families.get(family)?.at(-1)?.value ?? NaN;
}

Deno.test("metrics: a hub with traffic tells what _stats tells", async () => {
  await using hub = await TestHub.start(["--heartbeat=0.2"]);
  await using a = await connect({ name: "a", server: hub.address });
  await using b = await connect({ name: "b", server: hub.address });
  for (let i = 0; i < 100; i++) a.send({ cmd: "x", to: "b", fill: "y".repeat(1000) });
  await a.flush();
  await b.flush();
  const value = await until(async () => {
    const now = await metrics(hub);
    return now("abcd_ping_round_trip_seconds") > 1 ? now : undefined;
  }, "no ping came back");
  assertEquals(value("abcd_clients"), 2);
  assert(value("abcd_received_bytes_total") > 100_000);
  assert(value("abcd_sent_bytes_total") > 100_000);
  assert(value("abcd_messages_routed_total") >= 100);
  assert(value("process_resident_memory_bytes") > 1e7);
  const stats = await a.request({ cmd: "_stats" });
  assertEquals([stats.restarts, stats.clients], [0, 2]);
  assert(Number(stats.sentBytes) >= value("abcd_sent_bytes_total"));
  assert((stats.pings as { count: number }).count > 1);
});

Deno.test("metrics: a hub that was killed tells that it has been started again", async () => {
  await using hub = await TestHub.start(["--log-level=debug", "--http-port=0"], { watched: true });
  const [, pid] = await hub.process.saw(/hub process started.* pid=(\d+)/);
  Deno.kill(Number(pid), "SIGKILL");
  const listens = /listens: http \S+:(\d+)/g;
  const port = await until(
    () => [...(hub.process.stdout + hub.process.stderr).matchAll(listens)].at(1)?.[1],
    "it is not back",
  );
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assertMatch(text, /^abcd_restarts_total 1$/m);
});

Deno.test("log: its level changes by message, and who did it is in the log", async () => {
  await using hub = await TestHub.start(["--json"]);
  await using a = await connect({ name: "a", server: hub.address });
  const levels = ({ level, was }: Message) => [level, was];
  assertEquals(levels(await a.request({ cmd: "_log" })), ["info", "info"]);
  assertEquals(levels(await a.request({ cmd: "_log", level: "debug" })), ["debug", "info"]);
  await hub.process.saw(/"text":"log level debug, set by a; it was info"/);
  // What is refused is worth a line at this level only.
  a.send({ cmd: "nonsense" });
  await hub.process.saw(/"level":"debug".*"text":"refused: Cannot take nonsense/);
  assertEquals(levels(await a.request({ cmd: "_log", level: "error" })), ["error", "debug"]);
  await hub.process.saw(/"text":"log level error, set by a; it was debug"/);
  const refused = new Promise<string>((resolve) =>
    a.addEventListener("refused", ({ text }) => resolve(text))
  );
  a.send({ cmd: "_log", level: "loud" });
  assertMatch(await refused, /"level" is not one of debug, info, warn, error/);
  for (const line of (hub.process.stdout + hub.process.stderr).trim().split("\n")) {
    const { time, level, name, text } = JSON.parse(line);
    assertEquals(
      [typeof time, typeof level, name, typeof text],
      ["number", "string", "hub", "string"],
    );
  }
});

Deno.test("log: that of abcd run and abcd exec changes its level by message, too", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/lab.jsonc`;
  Deno.writeTextFileSync(file, '{"experiment": "lab", "run": {"a": {"cmd": "sleep 600"}}}');
  await using hub = await TestHub.start();
  await using run = abcd(["run", ...hub.clientArgs, file]);
  await using exec = abcd(["exec", ...hub.clientArgs, "--allow", "true"]);
  await exec.saw(/exec: ready/);
  await run.saw(/run: a: ready/);
  const send = async (...words: string[]) => {
    const { code, stdout, stderr } = await runAbcd([
      ...["send", ...hub.clientArgs, "cmd=_log", "--wait=20", ...words],
    ]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  };
  for (const [name, program] of [["run", run], ["exec", exec]] as const) {
    await hub.process.saw(new RegExp(`${name} joined`));
    const asked = await send(`to=${name}`);
    assertEquals([asked.cmd, asked.ok, asked.level, asked.was], ["_log", true, "info", "info"]);
    const set = await send(`to=${name}`, "level=debug");
    assertEquals([set.level, set.was], ["debug", "info"]);
    await program.saw(/info +\w+: log level debug, set by send; it was info/);
    const wrong = await send(`to=${name}`, "level=loud");
    assertEquals(wrong.ok, false);
    assertMatch(wrong.text, /is not one of debug, info, warn, error/);
  }
  assertEquals((await runAbcd(["stop", ...hub.clientArgs, "a"])).code, 0);
  await run.saw(/debug +run: a: SIGTERM to \d+/);
});
