// Rubbish on the port of HTTP and WebSocket: clear errors, bounded memory, and others go on talking.

import { assertEquals, assertMatch } from "@std/assert";
import { seeded } from "../lib/sim/random.ts";
import { webSocketDialect } from "./bench/peer.ts";
import { below, mutated } from "./fuzz_input.ts";
import { PATIENCE_MS, type TestHub, until, within } from "./harness.ts";
import { namesAt, RawClient } from "./raw_client.ts";
import { cannotWatch as ignore, MB, randomBytes, underWatch } from "./under_watch.ts";

const encoder = new TextEncoder();

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
      // It does not wait for a line that never comes.
      const hello = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);
      assertMatch(await answerTo(port, hello), /^HTTP\S+ 400 [^]*this port speaks no TLS/);
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
