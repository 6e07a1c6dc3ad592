import { assertEquals, assertMatch } from "@std/assert";
import { TestHub, until, within } from "./harness.ts";

/** Reads from the connection until the pattern is there. */
async function readUntil(conn: Deno.Conn, pattern: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!pattern.test(text)) {
    const count = await within(conn.read(buffer), 10_000, () => `only got ${text}`);
    if (count === null) throw new Error(`The connection ended after: ${text}`);
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}
const say = (conn: Deno.Conn, text: string) => conn.write(new TextEncoder().encode(text));

Deno.test("plain TCP and WebSocket clients talk; HTTP tells of them", async () => {
  await using hub = await TestHub.start(["--watchdog=0", "--name=h"]);
  using old = await Deno.connect({ hostname: "127.0.0.1", port: hub.tcpPort });
  await say(old, '{"cmd":"_init","name":"old"}{"cmd":"_ping"}');
  const answers = await readUntil(old, /_pong.*\}$/);
  assertMatch(answers, /\}\{/);
  assertEquals(answers.includes("\n"), false);

  const heard: string[] = [];
  const socket = new WebSocket(`ws://${hub.address}/ws`);
  const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
  socket.onopen = () => socket.send('{"cmd":"_init","name":"web","info":{"program":"test"}}');
  socket.onmessage = ({ data }) => void heard.push(String(data));
  await until(() => heard.some((text) => text.includes("_welcome")), "no _welcome");
  await say(old, '{"cmd":"hello","to":"web"}');
  await until(() => heard.some((text) => text.includes('"hello"')), "no hello");
  socket.send('{"cmd":"back","to":"old"}');
  await readUntil(old, /"back"/);

  const clients = await (await fetch(`http://${hub.address}/clients`)).json();
  assertEquals(clients.map(({ name }: { name: string }) => name), ["old", "web"]);
  const health = await (await fetch(`http://${hub.address}/health`)).json();
  assertEquals([health.ok, health.name, health.clients], [true, "h", 2]);
  const lost = await fetch(`http://${hub.address}/x`);
  assertMatch(await lost.text(), /Nothing is here/);
  assertEquals(lost.status, 404);

  hub.process.signal("SIGTERM");
  await readUntil(old, /shutting-down/);
  await closed;
  assertEquals((await hub.process.end()).code, 0);
});

Deno.test("a client with an id gets lines; a refused one is told why before the end", async () => {
  await using hub = await TestHub.start(["--watchdog=0", "--max-message=1000"]);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: hub.tcpPort });
  await say(conn, '{"cmd":"_init","name":"a","id":"1"}');
  assertMatch(await readUntil(conn, /\n/), /"re":"1".*\n$/);
  await say(conn, `{"cmd":"x","fill":"${"x".repeat(2000)}"}`);
  await readUntil(conn, /too-large/);
  assertEquals(await within(conn.read(new Uint8Array(10)), 10_000, "not closed"), null);
});

Deno.test("under the watchdog the hub serves, and ends with it", async () => {
  await using hub = await TestHub.start();
  assertEquals((await fetch(`http://${hub.address}/health`).then((r) => r.json())).ok, true);
  hub.process.signal("SIGKILL");
  await until(
    () =>
      fetch(`http://${hub.address}/health`).then((r) => r.body?.cancel()).then(
        () => false,
        () => true,
      ),
    "the hub lives on",
  );
});
