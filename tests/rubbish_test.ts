// Rubbish on the ports of plain TCP and UDP: clear errors, bounded memory, and others go on talking.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { abcd, after, freeUdpPort, TestHub, until } from "./harness.ts";
import { namesAt, RawClient } from "./raw_client.ts";
import { cannotWatch as ignore, MB, randomBytes, underWatch } from "./under_watch.ts";

const encoder = new TextEncoder();

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
        await client.saw(
          /"code":"bad-json","text":"Cannot read the message: it is not UTF-8; \\\\u00b0/,
        );
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
        ["hello\n", /"code":"bad-json","text":"[^"]*a message begins with \{, not with h/],
        // As an editor may begin a file, and as C ends a text.
        ['\ufeff{"cmd":"x"}\n', /"code":"bad-json","text":"[^"]*byte order mark/],
        ["\0", /"code":"bad-json","text":"[^"]*ends a text in C/],
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
      assertMatch(
        member.text,
        /"text":"Closed: no message for 3 s, only \d+ bytes of one without an end/,
      );
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
    await using hub = await TestHub.start([`--beacon-port=${beaconPort}`]);
    await Promise.all(rubbish(hub.httpPort));
    await Promise.all(rubbish(beaconPort));
    await spy.saw(/joined: hub/);
    await until(async () => (await namesAt(hub.httpPort))?.join() === "spy", "it is not in");
    assert(!/error|panic|two/i.test(spy.stderr), spy.stderr);
  } finally {
    udp.close();
  }
});
