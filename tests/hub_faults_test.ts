// Clients that are stopped, that do not read, that come twice: what the hub does, what others notice.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Client, connect, type Message } from "../mod.ts";
import { abcd, after, PATIENCE_MS, TestHub, until, within } from "./harness.ts";
import { namesAt, peakMemory, RawClient, writeAll } from "./raw_client.ts";

const linuxOnly = Deno.build.os !== "linux";
const MB = 1e6;

/** Joins, and collects what the hub publishes. */
async function watcher(hub: TestHub) {
  const client = await connect({ name: "watcher", server: hub.address });
  const published: Message[] = [];
  client.subscribe("_hub/#", (message) => void published.push(message));
  await client.flush();
  return {
    client,
    left: (name: string) =>
      until(
        () => published.find((one) => one.cmd === "left" && one.name === name),
        `${name} did not leave`,
      ),
    logged: (pattern: RegExp) =>
      until(
        () => published.find((one) => one.cmd === "log" && pattern.test(String(one.text))),
        `no ${pattern} on _hub/log`,
      ),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

Deno.test("a client that is halted is closed with the reason, and comes back when it goes on", async () => {
  await using hub = await TestHub.start(["--timeout=3", "--heartbeat=0.5"]);
  await using others = await watcher(hub);
  await using halted = abcd(["spy", "--as=halted", ...hub.clientArgs]);
  await halted.saw(/joined/);
  halted.signal("SIGSTOP");
  try {
    assertMatch(String((await others.left("halted")).reason), /no message for 3 s/);
    await hub.process.saw(/Closed halted: no message for 3 s/);
    assertEquals(await namesAt(hub.httpPort), ["watcher"]);
  } finally {
    halted.signal("SIGCONT");
  }
  await halted.saw(/lost: /);
  await halted.saw(/joined again/);
  await until(
    async () => (await namesAt(hub.httpPort))?.join() === "halted,watcher",
    "it is not back under its name",
  );
  assertEquals(others.client.joined, true);
});

Deno.test("a name whose holder is half-open goes to who asks for it; a live holder keeps it", async () => {
  await using hub = await TestHub.start();
  await using others = await watcher(hub);
  // It is connected, and its program says nothing more: as after the loss of a network.
  using lost = await RawClient.join(hub.tcpPort, "hv");
  using heir = await RawClient.connect(hub.tcpPort);
  const begin = performance.now();
  await heir.say({ cmd: "_init", name: "hv", id: "1" });
  // What it says before it is welcome is held for it.
  await heir.say({ cmd: "early", to: "watcher" });
  const early = new Promise<Message>((resolve) => others.client.on("early", resolve));
  await heir.saw(/"cmd":"_welcome","name":"hv"/);
  const waited = performance.now() - begin;
  assert(waited > 1000 && waited < 15_000, `after ${waited} ms`);
  assertEquals((await early).from, "hv");
  await lost.saw(
    /Closed: it did not answer, and a client from 127\.0\.0\.1:\d+ asked for its name/,
  );
  assertMatch(String((await others.left("hv")).reason), /asked for its name/);

  using third = await RawClient.connect(hub.tcpPort);
  const answering = heir.saw(/"_ping"/).then(() => heir.say({ cmd: "_pong" }));
  await third.say({ cmd: "_init", name: "hv", id: "2" });
  await answering;
  const refusal = await third.saw(/"code":"name-taken","text":"([^"\\]|\\.)*"/);
  assertMatch(refusal[0], /a client of that name is here, from 127\.0\.0\.1:\d+; choose another/);
  await third.end();
  assertEquals(heir.ended, undefined);
});

/** Joins on a WebSocket made by hand, so that nothing reads what comes. */
async function joinWebSocketDeaf(hub: TestHub, name: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: hub.httpPort });
  await writeAll(
    conn,
    `GET /ws HTTP/1.1\r\nHost: ${hub.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  const buffer = new Uint8Array(1024);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error(`The hub closed the connection after ${head}`);
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  assertMatch(head, /^HTTP\/1\.1 101 /);
  const text = new TextEncoder().encode(JSON.stringify({ cmd: "_init", name }));
  // One text frame, masked with zeros.
  await writeAll(conn, Uint8Array.of(0x81, 0x80 | text.length, 0, 0, 0, 0, ...text));
  return conn;
}

async function joinTcpDeaf(hub: TestHub, name: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: hub.tcpPort });
  await writeAll(conn, JSON.stringify({ cmd: "_init", name }));
  return conn;
}

/** Sends so many bytes to the name; how many messages the hub refused, as nobody has it any more. */
async function flood(client: Client, to: string, bytes: number): Promise<number> {
  let refused = 0;
  const off = client.addEventListener("refused", ({ code }) => {
    if (code === "unknown-client") refused++;
  });
  const fill = "x".repeat(500_000);
  try {
    for (let sent = 0; sent < bytes; sent += fill.length) {
      client.send({ cmd: "flood", to, fill });
      await client.flush({ timeoutSec: 60 });
    }
  } finally {
    off();
  }
  return refused;
}

/** Longest time of a message to the hub and back while `during` runs, in milliseconds. */
async function slowest(client: Client, during: Promise<unknown>): Promise<number> {
  let over = false;
  const end = during.finally(() => over = true);
  let worst = 0;
  while (!over) {
    const begin = performance.now();
    await client.flush({ timeoutSec: 60 });
    worst = Math.max(worst, performance.now() - begin);
    await after(10);
  }
  await end;
  return worst;
}

for (const [way, join] of [["WebSocket", joinWebSocketDeaf], ["TCP", joinTcpDeaf]] as const) {
  Deno.test({
    name: `a client that never reads 100 MB on ${way} is closed, and costs nobody else anything`,
    ignore: linuxOnly,
    async fn() {
      await using hub = await TestHub.start();
      await using others = await watcher(hub);
      await using sender = await connect({ name: "sender", server: hub.address });
      const before = peakMemory(hub.process.pid);
      using deaf = await join(hub, "deaf");
      await until(async () => (await namesAt(hub.httpPort))?.includes("deaf"), "it is not in");

      const flooding = flood(sender, "deaf", 100 * MB);
      const worst = await slowest(others.client, flooding);
      assert(await flooding > 100, "the hub goes on sending to it");
      assert(worst < 3000, `others waited ${worst} ms`);
      assertMatch(String((await others.left("deaf")).reason), /does not read: \d+ bytes wait/);
      await others.logged(/Closed deaf: it does not read/);
      await hub.process.saw(/Closed deaf: it does not read: \d+ bytes wait for it/);
      const health = await (await fetch(`http://${hub.address}/health`)).json();
      assertEquals(health.slowConsumers, 1);
      const grown = peakMemory(hub.process.pid) - before;
      assert(grown < 120 * MB, `the hub needed ${grown / MB} MB more`);

      // The connection is over: what the kernel still holds, then an end, a reset, or on a
      // WebSocket a close frame behind the last word.
      const buffer = new Uint8Array(1 << 20);
      const decoder = new TextDecoder("latin1");
      let rest = 0;
      let tail = "";
      const gone = (async () => {
        try {
          for (let count; (count = await deaf.read(buffer)) !== null;) {
            rest += count;
            tail = (tail + decoder.decode(buffer.subarray(0, count))).slice(-2000);
            // latin1 is windows-1252 here: 0x88, the head of a close frame, is a circumflex.
            if (way === "WebSocket" && /slow-consumer.*\u02c6/s.test(tail)) return;
          }
        } catch {
          // a reset
        }
      })();
      await within(gone, PATIENCE_MS, () => `the connection is open after ${rest} bytes`);
      assert(rest < 25 * MB, `${rest} bytes came`);
    },
  });
}
