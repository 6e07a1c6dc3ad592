// A program written for libABCD 0.1 (Python, 2020), as it behaves on the wire, works unchanged.

import { assert, assertEquals } from "@std/assert";
import { connect, type Message } from "../mod.ts";
import { abcd, freeTcpPort, freeUdpPort, TestHub, until } from "./harness.ts";
import { namesAt, RawClient, writeAll } from "./raw_client.ts";

/** What libABCD 0.1 does, with shorter waits. */
class LegacyClient implements AsyncDisposable {
  /** Messages that it understood. */
  readonly heard: Message[] = [];
  /** Reads that it could not make sense of. */
  readonly garbled: string[] = [];
  /** All that it read, as it came. */
  raw = "";
  connections = 0;
  pings = true;
  #conn: Deno.TcpConn | undefined;
  #udp: Deno.DatagramConn | undefined;
  #ended = false;
  readonly #running: Promise<void>;
  readonly #pinging: ReturnType<typeof setInterval>;

  constructor(
    readonly name: string,
    readonly ports: { tcp: number; beacon: number },
    host: string,
    readonly pingMs: number,
  ) {
    this.#running = this.#run(host);
    // It pings by itself, and takes no notice of the hub's pings.
    this.#pinging = setInterval(() => {
      if (this.pings) this.say({ cmd: "_ping" }).catch(() => {});
    }, pingMs);
  }

  async #run(first: string): Promise<void> {
    let hostname: string | undefined = first;
    while (!this.#ended) {
      hostname ??= await this.#listen();
      if (this.#ended) return;
      try {
        const conn = this.#conn = await Deno.connect({ hostname, port: this.ports.tcp });
        this.connections++;
        await this.say({ cmd: "_init", name: this.name });
        const buffer = new Uint8Array(1024);
        for (;;) {
          const count = await conn.read(buffer);
          if (count === null) break;
          this.#parse(new TextDecoder().decode(buffer.subarray(0, count)));
        }
        conn.close();
      } catch {
        // the hub is gone: listen for it
      }
      hostname = undefined;
    }
  }

  /** The objects of one read, each directly after the other; the rest is lost. */
  #parse(text: string): void {
    this.raw += text;
    for (let begin = 0; begin < text.length;) {
      // As JSONDecoder.raw_decode of Python, which reads one object and says where it ends.
      let end = begin + 1;
      let message: Message | undefined;
      for (; end <= text.length && message === undefined; end++) {
        if (text[end - 1] !== "}") continue;
        try {
          message = JSON.parse(text.slice(begin, end));
        } catch {
          // a brace inside
        }
      }
      if (message === undefined || text[begin] !== "{") {
        this.garbled.push(text.slice(begin));
        return;
      }
      this.heard.push(message);
      begin = end - 1;
    }
  }

  /** Where the next hub announces itself from. */
  async #listen(): Promise<string | undefined> {
    const options = {
      hostname: "0.0.0.0",
      port: this.ports.beacon,
      transport: "udp",
      reuseAddress: true,
    } as const;
    const udp = this.#udp = Deno.listenDatagram(options);
    try {
      for (;;) {
        const [datagram, from] = await udp.receive();
        const text = new TextDecoder().decode(datagram);
        if (text === "IamABCD" && "hostname" in from) return from.hostname;
      }
    } catch {
      return undefined; // disposed of
    } finally {
      this.#udp = undefined;
      try {
        udp.close();
      } catch {
        // it is closed
      }
    }
  }

  async say(message: Message): Promise<void> {
    if (this.#conn !== undefined) await writeAll(this.#conn, JSON.stringify(message));
  }

  count(cmd: string): number {
    return this.heard.filter((message) => message.cmd === cmd).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    clearInterval(this.#pinging);
    for (const owned of [this.#conn, this.#udp]) {
      try {
        owned?.close();
      } catch {
        // it is closed
      }
    }
    await this.#running;
  }
}

function startHub(ports: { http: number; tcp: number; beacon: number }) {
  return abcd([
    "server",
    "--open",
    "--no-watchdog",
    "--name=h",
    "--bind=127.0.0.1",
    `--http-port=${ports.http}`,
    `--tcp-port=${ports.tcp}`,
    `--beacon-port=${ports.beacon}`,
    "--beacon-interval=0.3",
    "--heartbeat=0.5",
    "--timeout=2",
  ]);
}

Deno.test("a libABCD 0.1 client joins, talks, stays, and finds the hub again", async () => {
  const ports = { http: freeTcpPort(), tcp: freeTcpPort(), beacon: freeUdpPort() };
  await using first = startHub(ports);
  await first.saw(/listens: http/);
  await using old = new LegacyClient("old", ports, "127.0.0.1", 350);
  await until(() => old.count("_welcome") === 1, "no welcome");
  await using web = await connect({ name: "web", server: `127.0.0.1:${ports.http}` });

  const heard: Message[] = [];
  web.on("*", (message) => void heard.push(message));
  await old.say({ cmd: "hello", to: "web", val1: 1.5, py: "ä" });
  const hello = await until(() => heard.find(({ cmd }) => cmd === "hello"), "no hello");
  assertEquals([hello.from, hello.to, hello.val1, hello.py], ["old", "web", 1.5, "ä"]);
  web.send({ cmd: "set", to: "old", volts: [1, { "}": "{" }] });
  web.send({ cmd: "all", to: "*", n: 1 });
  await until(() => old.count("set") === 1 && old.count("all") === 1, "nothing from the other");
  assertEquals(old.heard.find(({ cmd }) => cmd === "set")?.volts, [1, { "}": "{" }]);

  // It answers no ping, and stays: its own are a sign of life. The hub's come every second, so
  // with four of them the client was silent but for its own pings for longer than the timeout.
  await until(() => old.count("_ping") >= 4 && old.count("_pong") >= 4, "no pings");
  assertEquals(await namesAt(ports.http), ["old", "web"]);
  assertEquals([old.connections, old.garbled], [1, []]);
  assert(!/[\n\r]|\} |, "|": /.test(old.raw), `not compact: ${old.raw}`);

  first.signal("SIGKILL");
  await first.end();
  await using second = startHub(ports);
  await second.saw(/listens: http/);
  await until(async () => (await namesAt(ports.http))?.join() === "old,web", "not both are back");
  await until(() => old.count("_welcome") === 2, "no second welcome");
  await old.say({ cmd: "again", to: "web" });
  await until(() => heard.some(({ cmd }) => cmd === "again"), "no message after the restart");
  assertEquals(old.garbled, []);

  // Without its pings it is as dead as any other.
  old.pings = false;
  await second.saw(/Closed old: no message for 2 s/);
});

Deno.test("a program of lines gets lines, also if it says of itself no more than libABCD 0.1 does", async () => {
  await using hub = await TestHub.start();
  using lines = await RawClient.connect(hub.tcpPort);
  await lines.say('{"cmd":"_init","name":"lines"}\n');
  await lines.saw(/^\{"cmd":"_welcome".*\}\n$/);
  // Its next message has come in part with the first; its newline comes by itself.
  using part = await RawClient.connect(hub.tcpPort);
  await part.say('{"cmd":"_init","name":"part"}\n{"cmd":"x","to":"part"');
  await part.saw(/^\{"cmd":"_welcome".*\}\n$/);
  using late = await RawClient.connect(hub.tcpPort);
  await late.say('{"cmd":"_init","name":"late"}');
  await late.saw(/^\{"cmd":"_welcome".*\}$/);
  await late.say("\n");
  await late.saw(/^\{"cmd":"_welcome".*\}\n$/);
  await late.say('{"cmd":"x","to":"late"}');
  await late.saw(/\n\{"cmd":"x".*\}\n$/);
  using bare = await RawClient.connect(hub.tcpPort);
  await bare.say('{"cmd":"_init","name":"bare"}');
  await bare.saw(/^\{"cmd":"_welcome".*\}$/);
  await bare.say('{"cmd":"x","to":"lines"}');
  await lines.saw(/"cmd":"x".*\}\n$/);
  // White space in a message is none between messages.
  await bare.say('{"cmd":"y","to":"lines",');
  await bare.say('\n"n":1}{"cmd":"z","to":"bare"}');
  await bare.saw(/\}\{"cmd":"z".*\}$/);
});
