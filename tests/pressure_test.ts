// Clients that send faster than the journal's disk takes: all of it is kept, and nobody else notices.

import { assertEquals } from "@std/assert";
import { connect } from "../mod.ts";
import { runAbcd, temporaryFolder, TestHub, until, within } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

const encoder = new TextEncoder();
/** Each sends so many at least, and goes on until both have been paused. */
const LEAST_MESSAGES = 40_000;
const A_CHUNK = 2500;

/** So many messages of about 200 bytes, numbered from `first` on. */
function messages(from: string, first: number): Uint8Array {
  const fill = "x".repeat(140);
  return encoder.encode(
    Array.from(
      { length: A_CHUNK },
      (_, i) => `{"cmd":"flood","topic":"${from}/data","n":${first + i},"fill":"${fill}"}\n`,
    ).join(""),
  );
}

Deno.test("pressure: what comes faster than the disk takes is kept whole, and others are not slowed", async () => {
  await using folder = await temporaryFolder();
  await using hub = await TestHub.start([
    ...[`--journal=${folder.path}`, "--journal-buffer=4194304"],
    ...["--heartbeat=0.5", "--timeout=8"],
  ]);
  await using modest = await connect({ name: "modest", server: hub.address });
  await using echo = await connect({ name: "echo", server: hub.address });
  echo.answer("get", ({ n }) => ({ n }));
  using a = await RawClient.join(hub.tcpPort, "a");
  using b = await RawClient.join(hub.tcpPort, "b");
  let isEnough = false;
  const sent = Promise.all([a, b].map(async (sender, i) => {
    let n = 0;
    for (; n < LEAST_MESSAGES || !isEnough; n += A_CHUNK) {
      await sender.say(messages("ab".charAt(i), n));
    }
    return n;
  }));
  // Meanwhile, and as often on a quick disk.
  for (let n = 0; n < 10; n++) {
    const answer = await modest.request({ cmd: "get", to: "echo", n }, { timeoutSec: 20 });
    assertEquals(answer.n, n);
  }
  const pauses = async () =>
    new Map((await modest.clients()).map(({ name, pauses }) => [name, pauses ?? 0]));
  try {
    await until(async () => {
      const now = await pauses();
      return ["a", "b"].every((name) => (now.get(name) ?? 0) > 2);
    }, "there was no pressure");
  } finally {
    isEnough = true;
  }
  const counts = await within(sent, 60_000, "the hub does not take it");
  const stats = await until(async () => {
    const now = await modest.request({ cmd: "_stats" });
    return Number(now.messages) >= counts.reduce((all, n) => all + n) ? now : undefined;
  }, "not all of it came");
  assertEquals(Object(stats.journal).lost, 0);
  assertEquals([stats.paused, stats.timeouts], [0, 0]);
  const now = await pauses();
  assertEquals([now.get("modest"), now.get("echo")], [0, 0], "they sent little");
  for (const [i, name] of ["a", "b"].entries()) {
    const shown = await runAbcd([
      ...["history", ...hub.clientArgs, "--from", name, "--cmd", "flood", "--json"],
    ]);
    assertEquals(shown.code, 0, shown.stderr);
    const lines = shown.stdout.trimEnd().split("\n");
    assertEquals(lines.length, counts[i]);
    lines.forEach((line, n) => assertEquals(JSON.parse(line).n, n));
  }
});
