// What is measured: a hub or broker as a process, and how its clients speak.

import { freeTcpPort, until } from "../harness.ts";
import { JETSTREAM } from "./goals.ts";

const encoder = new TextEncoder();

/** How a client of one server speaks, as bytes made beforehand. */
export interface Dialect {
  readonly port: number;
  /** What a client says first; `topics`: what it subscribes to. */
  hello(name: string, topics: readonly string[]): Uint8Array;
  /** Bytes that come once the hello is done with, at the latest. */
  readonly ready: string;
  /** A message of about 150 bytes for the name (or the topic `all`), with this mark in it. */
  message(to: string, mark: string): Uint8Array;
  /** Asks to see all messages, where there is such a thing. */
  readonly spy?: Uint8Array;
  /** Answers a ping of the server's, where a client must. */
  readonly pong?: Uint8Array;
}

/** A server under test. */
export interface Peer extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly dialect: Dialect;
}

/** What each message carries. */
const FILL = "0123456789".repeat(10);
/** The topic that everybody in a fan-out has subscribed to. */
export const ALL = "all";

const SPY = '{"cmd":"_spy","on":true}';
const PONG = '{"cmd":"_pong"}';

export function tcpDialect(port: number): Dialect {
  return {
    port,
    hello: (name, topics) =>
      encoder.encode(
        JSON.stringify({ cmd: "_init", name, info: {} }) +
          (topics.length > 0 ? JSON.stringify({ cmd: "_subscribe", topics }) : "") +
          '{"cmd":"_ping","id":"ready"}',
      ),
    ready: '"re":"ready"',
    spy: encoder.encode(SPY),
    pong: encoder.encode(PONG),
    message: (to, mark) =>
      encoder.encode(
        `{"cmd":"m","${to === ALL ? "topic" : "to"}":"${to}","mark":"${mark}","fill":"${FILL}"}`,
      ),
  };
}

/** A text frame with a mask that is not zero. */
function frame(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  const long = bytes.length > 125;
  const mask = [0x5a, 0x17, 0xc3, 0x88];
  const head = long
    ? [0x81, 0x80 | 126, bytes.length >> 8, bytes.length & 255, ...mask]
    : [0x81, 0x80 | bytes.length, ...mask];
  return Uint8Array.of(...head, ...bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0)));
}

export function webSocketDialect(port: number): Dialect {
  const decoder = new TextDecoder();
  const tcp = tcpDialect(port);
  return {
    ...tcp,
    hello(name, topics) {
      const frames = [
        { cmd: "_init", name, info: {} },
        ...(topics.length > 0 ? [{ cmd: "_subscribe", topics }] : []),
        { cmd: "_ping", id: "ready" },
      ].map((message) => frame(JSON.stringify(message)));
      const head = encoder.encode(
        `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
      );
      return Uint8Array.of(...head, ...frames.flatMap((one) => [...one]));
    },
    spy: frame(SPY),
    pong: frame(PONG),
    message: (to, mark) => frame(decoder.decode(tcp.message(to, mark))),
  };
}

function mqttPacket(type: number, ...body: number[]): Uint8Array {
  const length = body.length < 128 ? [body.length] : [body.length & 127 | 128, body.length >> 7];
  return Uint8Array.of(type, ...length, ...body);
}

function mqttText(text: string): number[] {
  const bytes = encoder.encode(text);
  return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

function mqttDialect(port: number): Dialect {
  return {
    port,
    // CONNECT, SUBSCRIBE to its own name and the topics, PINGREQ: all with QoS 0.
    hello: (name, topics) =>
      Uint8Array.of(
        ...mqttPacket(0x10, ...mqttText("MQTT"), 4, 2, 0, 0, ...mqttText(name)),
        ...[name, ...topics].flatMap((
          topic,
          i,
        ) => [...mqttPacket(0x82, 0, i + 1, ...mqttText(topic), 0)]),
        ...mqttPacket(0xc0),
      ),
    ready: "\xd0\x00",
    message: (to, mark) =>
      mqttPacket(
        0x30,
        ...mqttText(to),
        ...encoder.encode(`{"cmd":"m","mark":"${mark}","fill":"${FILL}"}`),
      ),
  };
}

function natsDialect(port: number): Dialect {
  return {
    port,
    hello: (name, topics) =>
      encoder.encode(
        'CONNECT {"verbose":false,"pedantic":false}\r\n' +
          [name, ...topics].map((topic, i) => `SUB ${topic} ${i + 1}\r\n`).join("") + "PING\r\n",
      ),
    ready: "PONG\r\n",
    message(to, mark) {
      const body = `{"cmd":"m","mark":"${mark}","fill":"${FILL}"}`;
      return encoder.encode(`PUB ${to} ${body.length}\r\n${body}\r\n`);
    },
  };
}

async function start(
  name: string,
  command: readonly string[],
  ports: readonly number[],
  tidy: () => Promise<void> = () => Promise.resolve(),
): Promise<{ pid: number } & AsyncDisposable> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  let ended = false;
  child.status.then(() => ended = true);
  for (const port of ports) {
    await until(async () => {
      if (ended) throw new Error(`Cannot measure ${name}: it has ended`);
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        return false;
      }
    }, `${name} does not listen`);
  }
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGTERM");
      await child.status;
      await tidy();
    },
  };
}

/** Starts a hub of ours; `plain` and `websocket` are its two ways in. */
export async function startHub(name: string, command: readonly string[], journal: boolean) {
  const [http, tcp] = [freeTcpPort(), freeTcpPort()];
  const folder = await Deno.makeTempDir({ prefix: "abcd-bench-" });
  const child = await start(
    name,
    [
      ...command,
      "server",
      "--open",
      "--no-watchdog",
      "--open",
      "--bind=127.0.0.1",
      "--beacon-interval=0",
      "--log-level=error",
      `--http-port=${http}`,
      `--tcp-port=${tcp}`,
      journal ? `--journal=${folder}` : "--no-journal",
    ],
    [http, tcp],
    () => Deno.remove(folder, { recursive: true }),
  );
  const peer = (way: string, dialect: Dialect): Peer => ({
    name: `${name}, ${way}`,
    pid: child.pid,
    dialect,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  });
  return {
    plain: peer("TCP", tcpDialect(tcp)),
    websocket: peer("WebSocket", webSocketDialect(http)),
    /** A figure of the hub's own, by the name that `/metrics` has for it. */
    async metric(name: string): Promise<number> {
      const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
      const value = new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1];
      if (value === undefined) throw new Error(`Cannot measure: the hub has no ${name}`);
      return Number(value);
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Starts mosquitto. */
export async function startMosquitto(): Promise<Peer> {
  const port = freeTcpPort();
  const config = await Deno.makeTempFile({ prefix: "abcd-bench-" });
  await Deno.writeTextFile(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nlog_type none\nset_tcp_nodelay true\n`,
  );
  const child = await start(
    "mosquitto",
    ["mosquitto", "-c", config],
    [port],
    () => Deno.remove(config),
  );
  return { name: "mosquitto", dialect: mqttDialect(port), ...child };
}

/** Starts nats-server. */
export async function startNats(): Promise<Peer> {
  const port = freeTcpPort();
  const child = await start("nats-server", ["nats-server", "-a", "127.0.0.1", "-p", String(port)], [
    port,
  ]);
  return { name: "nats-server", dialect: natsDialect(port), ...child };
}

/** A stream of JetStream that keeps everything that the load sends, as the hub's journal does. */
const STREAM = JSON.stringify({
  ...{ name: "ALL", subjects: ["*"], storage: "file", no_ack: true, num_replicas: 1 },
  ...{ retention: "limits", discard: "old", max_bytes: 2 * 1024 ** 3 },
});

/** Starts nats-server with JetStream; `lost` tells how many messages are not in its stream. */
export async function startJetStream(): Promise<Peer & { lost(): Promise<number> }> {
  const [port, http] = [freeTcpPort(), freeTcpPort()];
  const folder = await Deno.makeTempDir({ prefix: "abcd-bench-" });
  const child = await start(
    "nats-server",
    [
      ...["nats-server", "-a", "127.0.0.1", "-p", String(port), "-m", String(http)],
      ...["-js", "-sd", folder],
    ],
    [port, http],
    () => Deno.remove(folder, { recursive: true }),
  );
  const ask = async (page: string) => {
    const answer: { [field: string]: number } =
      await (await fetch(`http://127.0.0.1:${http}/${page}`)).json();
    return answer;
  };
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `PUB $JS.API.STREAM.CREATE.ALL ${STREAM.length}\r\n${STREAM}\r\n`;
  await conn.write(encoder.encode(`CONNECT {"verbose":false}\r\n${request}`));
  await until(async () => (await ask("jsz")).streams === 1, "JetStream has no stream");
  const { in_msgs: before = 0 } = await ask("varz");
  return {
    name: JETSTREAM,
    dialect: natsDialect(port),
    ...child,
    async lost() {
      const { in_msgs: all = 0 } = await ask("varz");
      let kept = -1;
      // It writes behind its back.
      for (;;) {
        const { messages = 0 } = await ask("jsz");
        if (messages === kept) break;
        kept = messages;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      return Math.max(0, all - before - kept);
    },
  };
}

/** Whether the program is installed, and what it says of its version. */
export async function version(program: string, flag: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(program, { args: [flag], stderr: "null" }).output();
    return /\d+\.\d+\.\d+/.exec(new TextDecoder().decode(stdout))?.[0] ?? "unknown version";
  } catch {
    return undefined;
  }
}
