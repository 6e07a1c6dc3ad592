// Clients that send faster than the journal's disk takes: all of it is kept, and nobody else notices.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../mod.ts";
import { runAbcd, temporaryFolder, TestHub, until, within } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

const encoder = new TextEncoder();
const MESSAGES = 60_000;

/** Messages of about 200 bytes with numbers from 0 on, as chunks of half a megabyte. */
function* flood(from: string): Generator<Uint8Array> {
  let text = "";
  for (let n = 0; n < MESSAGES; n++) {
    text += `{"cmd":"flood","topic":"${from}/data","n":${n},"fill":"${"x".repeat(140)}"}\n`;
    if (text.length < 500_000 && n < MESSAGES - 1) continue;
    yield encoder.encode(text);
    text = "";
  }
}

Deno.test("pressure: what comes faster than the disk takes is kept whole, and others are not slowed", async () => {
  await using folder = await temporaryFolder();
  await using hub = await TestHub.start([
    ...["--no-watchdog", `--journal=${folder.path}`, "--journal-buffer=4194304"],
    ...["--heartbeat=0.5", "--timeout=8"],
  ]);
  await using modest = await connect({ name: "modest", server: hub.address });
  await using echo = await connect({ name: "echo", server: hub.address });
  echo.answer("get", ({ n }) => ({ n }));
  using a = await RawClient.join(hub.tcpPort, "a");
  using b = await RawClient.join(hub.tcpPort, "b");
  const sent = Promise.all([a, b].map(async (sender, i) => {
    for (const chunk of flood("ab".charAt(i))) await sender.say(chunk);
  }));
  // Meanwhile, and as often on a quick disk.
  for (let n = 0; n < 10; n++) {
    const answer = await modest.request({ cmd: "get", to: "echo", n }, { timeoutSec: 20 });
    assertEquals(answer.n, n);
  }
  await within(sent, 60_000, "the hub does not take it");
  const stats = await until(async () => {
    const now = await modest.request({ cmd: "_stats" });
    return Number(now.messages) >= 2 * MESSAGES ? now : undefined;
  }, "not all of it came");
  const { lost } = stats.journal as { lost: number };
  assertEquals(lost, 0);
  assert(Number(stats.pauses) > 5, `there was no pressure: ${stats.pauses}`);
  assertEquals([stats.paused, stats.timeouts], [0, 0]);
  const paused = new Map((await modest.clients()).map(({ name, pauses }) => [name, pauses]));
  assert((paused.get("a") ?? 0) > 0 && (paused.get("b") ?? 0) > 0, JSON.stringify([...paused]));
  assertEquals([paused.get("modest"), paused.get("echo")], [0, 0], "they sent little");
  for (const name of ["a", "b"]) {
    const shown = await runAbcd([
      ...["history", ...hub.clientArgs, "--from", name, "--cmd", "flood", "--json"],
    ]);
    assertEquals(shown.code, 0, shown.stderr);
    const lines = shown.stdout.trimEnd().split("\n");
    assertEquals(lines.length, MESSAGES);
    lines.forEach((line, n) => assertEquals(JSON.parse(line).n, n));
  }
});
