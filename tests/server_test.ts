// The hub as a program: how it starts, or does not; who talks with it; how it ends.

import { assertEquals, assertMatch } from "@std/assert";
import { abcd, runAbcd, TestHub, until } from "./harness.ts";
import { RawClient } from "./raw_client.ts";

Deno.test("plain TCP and WebSocket clients talk; HTTP tells of them", async () => {
  await using hub = await TestHub.start(["--name=h"]);
  using old = await RawClient.connect(hub.tcpPort);
  await old.say('{"cmd":"_init","name":"old"}{"cmd":"_ping"}');
  await old.saw(/\}\{.*_pong.*\}$/);
  assertEquals(old.text.includes("\n"), false);

  const heard: string[] = [];
  const socket = new WebSocket(`ws://${hub.address}/ws`);
  const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
  socket.onopen = () => socket.send('{"cmd":"_init","name":"web","info":{"program":"test"}}');
  socket.onmessage = ({ data }) => void heard.push(String(data));
  await until(() => heard.some((text) => text.includes("_welcome")), "no _welcome");
  await old.say('{"cmd":"hello","to":"web"}');
  await until(() => heard.some((text) => text.includes('"hello"')), "no hello");
  socket.send('{"cmd":"back","to":"old"}');
  await old.saw(/"back"/);

  const clients = await (await fetch(`http://${hub.address}/clients`)).json();
  assertEquals(clients.map(({ name }: { name: string }) => name), ["old", "web"]);
  const health = await (await fetch(`http://${hub.address}/health`)).json();
  assertEquals([health.ok, health.name, health.clients], [true, "h", 2]);
  const lost = await fetch(`http://${hub.address}/x`);
  assertMatch(await lost.text(), /Nothing is here/);
  assertEquals(lost.status, 404);

  hub.process.signal("SIGTERM");
  await old.saw(/shutting-down/);
  await closed;
  assertEquals((await hub.process.end()).code, 0);
});

Deno.test("a client with an id gets lines; a refused one is told why before the end", async () => {
  await using hub = await TestHub.start(["--max-message=1000"]);
  using client = await RawClient.connect(hub.tcpPort);
  await client.say('{"cmd":"_init","name":"a","id":"1"}');
  await client.saw(/"re":"1".*\n$/);
  await client.say(`{"cmd":"x","fill":"${"x".repeat(2000)}"}`);
  await client.saw(/too-large/);
  await client.end();
});

Deno.test("under the watchdog the hub serves, and ends with it", async () => {
  await using hub = await TestHub.start([], { watched: true });
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

Deno.test("a second hub on the same ports: exit code 1, and what to do", async () => {
  await using hub = await TestHub.start();
  for (const watchdog of ["--watchdog=30", "--no-watchdog"]) {
    for (const [what, mine, free] of [["TCP", "tcp", "http"], ["HTTP", "http", "tcp"]] as const) {
      const port = mine === "tcp" ? hub.tcpPort : hub.httpPort;
      const { code, stderr } = await runAbcd([
        "server",
        "--bind=127.0.0.1",
        `--beacon-port=${hub.beaconPort}`,
        `--${mine}-port=${port}`,
        `--${free}-port=0`,
        watchdog,
      ]);
      assertEquals(code, 1, stderr);
      assertMatch(stderr, new RegExp(`Cannot listen on ${what} port ${port}: another program`));
      assertMatch(stderr, new RegExp(`ss -ltnp .*${port}.*--${mine}-port`));
      assertEquals(stderr.match(/Cannot listen/g)?.length, 1, stderr);
    }
  }
});

Deno.test("what cannot work is said at the start, once", async () => {
  const few = ["server", "--http-port=0", "--tcp-port=0", "--beacon-interval=0"];
  const short = await runAbcd([...few, "--watchdog=1"]);
  assertEquals(short.code, 2);
  assertMatch(short.stderr, /the least is 2 s/);
  const small = await runAbcd([...few, "--journal-buffer=5"]);
  assertEquals(small.code, 2, small.stderr);
  assertMatch(small.stderr, /--journal-buffer: the least is 4194304 bytes/);
  const elsewhere = await runAbcd([...few, "--bind=192.0.2.1"]);
  assertEquals(elsewhere.code, 1);
  assertMatch(elsewhere.stderr, /Cannot listen on TCP port 0/);
  const noFile = await runAbcd([...few, "--bind=127.0.0.1", "--pid-file=/no/such/folder/pid"]);
  assertEquals(noFile.code, 1);
  assertMatch(noFile.stderr, /Cannot write the pid file \/no\/such\/folder\/pid/);
});

Deno.test("a UDP port that another program does not share: the client says so, and goes on", async () => {
  const alone = Deno.listenDatagram({ hostname: "0.0.0.0", port: 0, transport: "udp" });
  const { port } = alone.addr as Deno.NetAddr;
  try {
    await using spy = abcd(["spy", `--beacon-port=${port}`]);
    await spy.saw(new RegExp(`Cannot listen for hubs on UDP port ${port}: `));
    spy.signal("SIGTERM");
    assertEquals((await spy.end()).code, 0);
  } finally {
    alone.close();
  }
});

/** Whether this computer has IPv6. */
function hasIPv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name: "a hub that listens on an IPv6 address alone is found there",
  ignore: !hasIPv6(),
  async fn() {
    await using hub = await TestHub.start(["--bind=::1", "--name=six"], { open: false });
    await hub.process.saw(/listens: http \[::1\]:\d+, tcp \[::1\]:\d+, beacon/);
    await using spy = abcd(["spy", `--beacon-port=${hub.beaconPort}`], {
      env: { ABCD_SERVER: "" },
    });
    await spy.saw(new RegExp(`^joined: hub "six" at \\[::1\\]:${hub.httpPort}`, "m"));
  },
});
