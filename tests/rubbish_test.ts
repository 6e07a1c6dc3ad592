// Rubbish on every port: clear errors, bounded memory, and others go on talking.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { seeded } from "../lib/sim/random.ts";
import { connect } from "../mod.ts";
import { webSocketDialect } from "./bench/peer.ts";
import { below, mutated } from "./fuzz_input.ts";
import { abcd, after, freeUdpPort, PATIENCE_MS, TestHub, until, within } from "./harness.ts";
import { namesAt, peakMemory, RawClient } from "./raw_client.ts";

/** Memory is looked at in /proc. */
const ignore = Deno.build.os !== "linux";
const MB = 1e6;
const encoder = new TextEncoder();

function randomBytes(seed: number, length: number): Uint8Array {
  const random = seeded(seed);
  return Uint8Array.from({ length }, () => random() * 256);
}

/** A hub, and two clients that talk all the time; at the end none of it may have suffered. */
async function underWatch(
  args: readonly string[],
  test: (hub: TestHub) => Promise<void>,
  limits: { grownMB?: number } = {},
): Promise<void> {
  await using hub = await TestHub.start(["--no-watchdog", ...args]);
  await using a = await connect({ name: "a", server: hub.address });
  await using b = await connect({ name: "b", server: hub.address });
  b.on("there", ({ id, from }) => b.send({ cmd: "back", to: from, re: id }));
  await a.request({ cmd: "there", to: "b" });
  const lost: string[] = [];
  for (const one of [a, b]) one.addEventListener("lost", ({ reason }) => void lost.push(reason));

  const before = peakMemory(hub.process.pid);
  let over = false;
  let worst = 0;
  const talk = (async () => {
    while (!over) {
      const begin = performance.now();
      await a.request({ cmd: "there", to: "b" }, { timeoutSec: 30 });
      worst = Math.max(worst, performance.now() - begin);
      await after(10);
    }
  })();
  try {
    await test(hub);
  } finally {
    over = true;
    await talk;
  }
  assertEquals(lost, []);
  assert(worst < 3000, `a message and its answer took ${worst} ms`);
  const grown = (peakMemory(hub.process.pid) - before) / MB;
  const { grownMB = 100 } = limits;
  assert(grown < grownMB, `the hub needed ${grown} MB more, not ${grownMB}`);
}

/** The rubbish, once before the client has joined and once after. */
async function bothWays(hub: TestHub, name: string, test: (client: RawClient) => Promise<void>) {
  {
    using stranger = await RawClient.connect(hub.tcpPort);
    await test(stranger);
    await stranger.end();
  }
  using member = await RawClient.join(hub.tcpPort, name);
  await test(member);
}

Deno.test({
  name: "plain TCP: random bytes, half a character, lines cut off, deep nesting, no message at all",
  ignore,
  fn: () =>
    underWatch([], async (hub) => {
      for (let seed = 1; seed <= 8; seed++) {
        await bothWays(hub, `random-${seed}`, async (client) => {
          // The hub may have closed it before all is written.
          await client.say(randomBytes(seed, 200_000)).catch(() => {});
          await client.saw(/"code":"(bad-json|too-large|bad-message)","text":"Cannot /);
        });
      }
      await bothWays(hub, "half", async (client) => {
        await client.say(Uint8Array.of(...encoder.encode('{"cmd":"x","py":"'), 0xc3));
        await client.say('"}');
        await client.saw(/"code":"bad-json","text":"Cannot read the message: it is not UTF-8"/);
      });
      await bothWays(hub, "cut", async (client) => {
        await client.say('{"cmd":"x","py":"cut\n');
        await client.saw(/"code":"bad-json","text":"[^"]*a line ends inside a string/);
      });
      for (const [open, shut] of [["[", "]"], ['{"a":', "}"]] as const) {
        await bothWays(hub, "deep", async (client) => {
          const depth = 50_000;
          const inner = open.repeat(depth) + "1" + shut.repeat(depth);
          await client.say(`{"cmd":"x","deep":${inner}}`);
          await client.saw(/"code":"bad-message","text":"[^"]*(64|nest)/);
        });
      }
      const wrong = [
        ["hello\n", /"code":"bad-json","text":"[^"]*a message begins with \{/],
        ["{}", /"code":"bad-message","text":".*cmd/],
        ['{"cmd":7}', /"code":"bad-message","text":".*cmd/],
        ['{"cmd":"x",}', /"code":"bad-json","text":"Cannot /],
        ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", /"code":"bad-json"/],
        [Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0), /"code":"bad-json"/], // a TLS hello
      ] as const;
      for (const [text, error] of wrong) {
        await bothWays(hub, "wrong", async (client) => {
          await client.say(text);
          await client.saw(error);
        });
      }
      // Who has joined stays, whatever it says: the next message is heard.
      using member = await RawClient.join(hub.tcpPort, "member");
      for (const [text] of wrong) await member.say(text);
      await member.say({ cmd: "_ping", id: "still" });
      await member.saw(/"_pong".*"re":"still"/);
    }),
});

Deno.test({
  name: "plain TCP: 10 MB without an end",
  ignore,
  fn: () =>
    underWatch([], async (hub) => {
      const many = encoder.encode("a".repeat(10 * MB));
      for (let i = 0; i < 3; i++) {
        await bothWays(hub, `long-${i}`, async (client) => {
          await client.say('{"cmd":"x","fill":"');
          await client.say(many).catch(() => {});
          await client.saw(/"code":"(too-large|not-joined|bad-json)","text":"[^"]*Cannot take/);
          await client.end();
        });
      }
      // Nothing in it looks like a message: it is said once, and the client may stay.
      using member = await RawClient.join(hub.tcpPort, "garbage");
      await member.say(many);
      await member.say({ cmd: "_ping", id: "still" });
      await member.saw(/"_pong".*"re":"still"/);
      assertEquals(member.text.match(/_error/g)?.length, 1);
    }),
});

Deno.test({
  name: "plain TCP: one byte at a time, and never the end",
  ignore,
  fn: () =>
    underWatch(["--join-timeout=2", "--timeout=3", "--heartbeat=1"], async (hub) => {
      using slow = await RawClient.connect(hub.tcpPort);
      for (const byte of encoder.encode('{"cmd":"_init","name":"slow","py":"ä"}')) {
        await slow.say(Uint8Array.of(byte));
        await after(5);
      }
      await slow.saw(/_welcome/);

      // Bytes are no messages: neither joining nor staying is to be had with them.
      const drip = async (client: RawClient, begin: string) => {
        await client.say(begin);
        while (client.ended === undefined) {
          await client.say("x").catch(() => {});
          await after(20);
        }
      };
      using stranger = await RawClient.connect(hub.tcpPort);
      using member = await RawClient.join(hub.tcpPort, "drip");
      await Promise.all([
        drip(stranger, '{"cmd":"_init","name":"'),
        drip(member, '{"cmd":"x","fill":"'),
      ]);
      assertMatch(stranger.text, /"code":"not-joined","text":"Closed: no _init within 2 s/);
      assertMatch(member.text, /"text":"Closed: no message for 3 s"/);
    }),
});

Deno.test({
  name: "1,000 connections that say nothing",
  ignore,
  fn: () =>
    underWatch(["--join-timeout=3"], async (hub) => {
      await using silent = new AsyncDisposableStack();
      const clients: RawClient[] = [];
      for (let i = 0; i < 500; i++) {
        const one = await RawClient.connect(hub.tcpPort);
        silent.use(one);
        clients.push(one);
        silent.use(await RawClient.connect(hub.httpPort));
      }
      await Promise.all(clients.map((one) => one.saw(/no _init within 3 s/)));
      await Promise.all(clients.map((one) => one.end()));
      // Somebody who has something to say is let in meanwhile.
      using late = await RawClient.join(hub.tcpPort, "late");
      assertEquals(late.ended, undefined);
      assertEquals((await namesAt(hub.httpPort))?.join(), "a,b,late");
    }),
});

/** The head of an HTTP answer to these bytes, or how the connection ended. */
async function answerTo(port: number, request: string | Uint8Array): Promise<string> {
  using client = await RawClient.connect(port);
  await client.say(request).catch(() => {});
  await until(() => client.text.includes("\r\n") || client.ended !== undefined, "no answer");
  return client.text === "" ? client.ended ?? "" : client.text;
}

Deno.test({
  name: "HTTP: nonsense",
  ignore,
  fn: () =>
    underWatch([], async (hub) => {
      const { httpPort: port } = hub;
      const end = "Host: h\r\nConnection: close\r\n\r\n";
      assertMatch(await answerTo(port, "NONSENSE\r\n\r\n"), /^HTTP\/1\.[01] 400|closed|reset/);
      assertMatch(await answerTo(port, '{"cmd":"_init","name":"x"}\r\n\r\n'), /^HTTP|closed|reset/);
      assertMatch(await answerTo(port, randomBytes(1, 100_000)), /^HTTP|closed|reset/i);
      assertMatch(await answerTo(port, `GET /../../etc/passwd HTTP/1.1\r\n${end}`), /^HTTP\S+ 404/);
      assertMatch(await answerTo(port, `GET /ws HTTP/1.1\r\n${end}`), /^HTTP\S+ 426/);
      assertMatch(await answerTo(port, `POST /health HTTP/1.1\r\n${end}`), /^HTTP\S+ 40[45]/);
      assertMatch(await answerTo(port, `GET /%ff%00?\u00e4 HTTP/1.1\r\n${end}`), /^HTTP\S+ 4/);
      const long = `GET /${"a".repeat(10 * MB)} HTTP/1.1\r\n${end}`;
      assertMatch(await answerTo(port, long), /^HTTP\S+ 4|closed|reset/i);
      const noKey = `GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n${end}`;
      assertMatch(await answerTo(port, noKey), /^HTTP\S+ 4/);
      assertEquals((await namesAt(port))?.join(), "a,b");
    }),
});

/** A WebSocket made by hand, so that any frame can be sent. */
async function rawWebSocket(hub: TestHub): Promise<RawClient> {
  const client = await RawClient.connect(hub.httpPort);
  await client.say(
    `GET /ws HTTP/1.1\r\nHost: ${hub.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  await client.saw(/^HTTP\/1\.1 101 [^]*\r\n\r\n/);
  return client;
}

/** A frame, masked with zeros. */
function frame(opcode: number, payload: string | Uint8Array, final = true): Uint8Array {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const head = new DataView(new ArrayBuffer(14));
  head.setUint8(0, (final ? 0x80 : 0) | opcode);
  head.setUint8(1, 0x80 | 127);
  head.setBigUint64(2, BigInt(bytes.length));
  const all = new Uint8Array(14 + bytes.length);
  all.set(new Uint8Array(head.buffer));
  all.set(bytes, 14);
  return all;
}
const TEXT = 1, BINARY = 2, CONTINUATION = 0;

Deno.test({
  name: "WebSocket: binary frames, frames too large, frames that are none",
  ignore,
  fn: () =>
    underWatch([], async (hub) => {
      async function join(name: string): Promise<RawClient> {
        const client = await rawWebSocket(hub);
        await client.say(frame(TEXT, JSON.stringify({ cmd: "_init", name })));
        await client.saw(/_welcome/);
        return client;
      }
      {
        using client = await rawWebSocket(hub);
        await client.say(frame(BINARY, randomBytes(1, 100)));
        await client.saw(/"code":"bad-json","text":"Cannot read a binary frame: send text frames"/);
      }
      using member = await join("member");
      await member.say(frame(BINARY, randomBytes(2, 100)));
      await member.saw(/"code":"bad-json","text":"Cannot read a binary frame: send text frames"/);
      await member.say(frame(TEXT, "rubbish"));
      await member.saw(/"code":"bad-json","text":"Cannot read the message/);
      await member.say(frame(TEXT, `{"cmd":"x","deep":${"[".repeat(5000)}${"]".repeat(5000)}}`));
      await member.saw(/"code":"bad-message"/);
      await member.say(frame(TEXT, JSON.stringify({ cmd: "x", fill: "x".repeat(2 * MB) })));
      await member.saw(/"code":"too-large"/);
      await member.say(frame(TEXT, '{"cmd":"_ping","id":"still"}'));
      await member.saw(/"_pong".*"re":"still"/);

      const broken = {
        "not masked": Uint8Array.of(0x81, 2, 0x7b, 0x7d),
        "reserved bits": Uint8Array.of(0xf1, 0x80, 0, 0, 0, 0),
        "unknown opcode": Uint8Array.of(0x83, 0x80, 0, 0, 0, 0),
        "a control frame in parts": Uint8Array.of(0x09, 0x80, 0, 0, 0, 0),
        "half a character": frame(TEXT, Uint8Array.of(0xc3)),
        "2^62 bytes announced": Uint8Array.of(0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      };
      for (const [i, [what, bytes]] of Object.entries(broken).entries()) {
        const name = `broken-${i}`;
        using client = await join(name);
        await client.say(bytes);
        // What was announced and does not come waits for the timeout; else it is told, or out.
        if (what.startsWith("2^62")) continue;
        await until(
          async () =>
            client.ended !== undefined || client.text.includes("_error") ||
            (await namesAt(hub.httpPort))?.includes(name) === false,
          `neither told nor closed: ${what}`,
        );
      }
    }),
});

Deno.test({
  name: "WebSocket: a message that never ends is not collected",
  ignore,
  fn: () =>
    underWatch([], async (hub) => {
      using client = await rawWebSocket(hub);
      await client.say(frame(TEXT, '{"cmd":"_init","name":"endless"}'));
      await client.saw(/_welcome/);
      const part = "x".repeat(500_000);
      await client.say(frame(TEXT, part, false));
      for (let i = 0; i < 400 && client.ended === undefined; i++) {
        await client.say(frame(CONTINUATION, part, false)).catch(() => {});
      }
      await until(
        () => client.ended !== undefined || client.text.includes("too-large"),
        "it is neither told nor closed",
      );
    }),
});

Deno.test({
  name: "WebSocket: 300 connections with random frames, and what was left of them",
  ignore,
  fn: () =>
    underWatch([], async (hub) => {
      const pick = seeded(31);
      const { hello, message } = webSocketDialect(hub.httpPort);
      for (let round = 0; round < 300; round++) {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: hub.httpPort });
        const reading = (async () => {
          const buffer = new Uint8Array(65536);
          let count = 0;
          for (let n; (n = await conn.read(buffer)) !== null;) count += n;
          return count;
        })().catch(() => 0);
        try {
          const frames = Array.from({ length: 1 + below(pick, 5) }, () => message("a", "m"));
          const bytes = Uint8Array.of(...frames.flatMap((one) => [...mutated(pick, one, 0.7)]));
          await conn.write(hello(`random-${round}`, []));
          const cut = below(pick, bytes.length);
          await conn.write(bytes.subarray(0, cut));
          await conn.write(bytes.subarray(cut));
          // Closed in order, or with what it says still unread.
          if (pick() < 0.5) await conn.closeWrite();
          else conn.close();
        } catch {
          // the hub has closed it
        }
        await within(reading, PATIENCE_MS, `connection ${round} stays open`);
        try {
          conn.close();
        } catch {
          // it is closed
        }
      }
      await until(
        async () => (await namesAt(hub.httpPort))?.join() === "a,b",
        "some of them are still there",
      );
    }),
});

Deno.test("UDP: rubbish on the beacon port, and on the hub's", async () => {
  const beaconPort = freeUdpPort();
  await using spy = abcd(["spy", `--beacon-port=${beaconPort}`]);
  await spy.saw(/searching/);
  const udp = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
  try {
    const rubbish = (port: number) => {
      const texts: Uint8Array[] = [
        "IamABC",
        "{",
        "null",
        "[]",
        '{"abcd":1}',
        '{"abcd":2,"name":"two","id":"i","http":1,"tcp":2}',
        '{"abcd":1,"name":"_bad name","id":"i","http":99999,"tcp":-2}',
        '{"abcd":1,"name":7,"id":{},"http":"x","tcp":null}',
        `{"abcd":1,"name":"${"x".repeat(60_000)}","id":"i","http":1,"tcp":2}`,
      ].map((text) => encoder.encode(text));
      for (let seed = 1; seed <= 20; seed++) texts.push(randomBytes(seed, seed * 50));
      return texts.map((bytes) =>
        udp.send(bytes, { hostname: "127.255.255.255", port, transport: "udp" })
      );
    };
    await Promise.all(rubbish(beaconPort));
    await using hub = await TestHub.start(["--no-watchdog", `--beacon-port=${beaconPort}`]);
    await Promise.all(rubbish(hub.httpPort));
    await Promise.all(rubbish(beaconPort));
    await spy.saw(/joined: hub/);
    await until(async () => (await namesAt(hub.httpPort))?.join() === "spy", "it is not in");
    assert(!/error|panic|two/i.test(spy.stderr), spy.stderr);
  } finally {
    udp.close();
  }
});
