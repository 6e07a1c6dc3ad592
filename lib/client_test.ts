import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { BufferFullError, type Client, connect, createClient, RefusedError } from "./client.ts";
import { type Message, MessageError } from "./message.ts";
import { freeTcpPort, freeUdpPort, until, within } from "../tests/harness.ts";

/** As much of a hub as a client's test needs: it welcomes, answers pings, and keeps what it gets. */
class SmallHub implements AsyncDisposable {
  readonly got: Message[] = [];
  readonly sockets = new Set<WebSocket>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: (message: Message) => object | undefined = () => undefined, port = 0) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      let name = "";
      const say = (message: object) => socket.send(JSON.stringify({ from: "_hub", ...message }));
      socket.onopen = () => this.sockets.add(socket);
      socket.onclose = () => this.sockets.delete(socket);
      socket.onmessage = ({ data }) => {
        const message: Message = JSON.parse(String(data));
        this.got.push(message);
        const own = answer(message);
        if (own !== undefined) {
          return say({ to: name === "" ? undefined : name, re: message.id, ...own });
        }
        if (message.cmd === "_init") {
          name = String(message.name);
          say({ cmd: "_welcome", name, hub: "small", protocol: 1, heartbeat: 10, timeout: 30 });
        } else if (message.cmd === "_ping") say({ cmd: "_pong", to: name, re: message.id });
      };
      return response;
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  commands(): string[] {
    return this.got.map(({ cmd }) => cmd).filter((cmd) => cmd !== "_ping");
  }

  /** Says the same to every client. */
  say(message: object): void {
    for (const socket of this.sockets) socket.send(JSON.stringify(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.close();
    await within(this.#server.shutdown(), 1000, "the hub's end").catch(() => {});
  }
}

Deno.test("a client joins, sends in order, and says who it is", async () => {
  await using hub = new SmallHub();
  const client = await connect({ name: "hv", open: true, server: hub.address });
  for (let i = 0; i < 100; i++) client.send({ cmd: "n", to: "daq", i });
  await client.close();
  assertEquals(hub.got.filter(({ cmd }) => cmd === "n").map(({ i }) => i), [
    ...Array(100).keys(),
  ]);
  assertEquals((hub.got[0]?.info as { pid: number }).pid, Deno.pid);
});

Deno.test("a question whose time is over is not asked when the hub is back, unless it says when it expires", async () => {
  const port = freeTcpPort();
  const client = createClient({ name: "hv", open: true, server: `127.0.0.1:${port}` });
  const late = (more: object) =>
    assertRejects(
      () => client.request({ to: "stage", cmd: "move", ...more }, { timeoutSec: 0.05 }),
      DOMException,
      "none in 0.05 s",
    );
  await Promise.all([late({ i: 1 }), late({ i: 2, expires: 60 }), late({ i: 3 })]);
  client.send({ to: "stage", cmd: "move", i: 4 });
  await using hub = new SmallHub(undefined, port);
  await client.flush();
  const moved = hub.got.filter(({ cmd }) => cmd === "move");
  assertEquals(moved.map(({ i }) => i), [2, 4]);
  await client.close();
});

Deno.test("mail that is handled while the client closes is confirmed before it leaves", async () => {
  let mails = 0;
  await using hub: SmallHub = new SmallHub(({ cmd, name }) => {
    const [protocol, heartbeat, timeout] = [1, 10, 30];
    const mailbox = { id: "m", waiting: 0, kept: true };
    if (cmd === "_init") {
      return { cmd: "_welcome", name, hub: "small", protocol, heartbeat, timeout, mailbox };
    }
    if (cmd !== "_ping") return undefined;
    // On its way before the client's last question was.
    hub.say({ cmd: "x", from: "daq", to: "hv", _mail: ++mails });
    return { cmd: "_pong" };
  });
  const client = await connect({ name: "hv", open: true, durable: true, server: hub.address });
  const seen: unknown[] = [];
  client.on("x", ({ _mail }) => void seen.push(_mail));
  await client.flush();
  await client.close();
  assertEquals(seen, [1, 2]);
  // The goodbye may be heard before it.
  await until(() => hub.got.some(({ cmd, _mail }) => cmd === "_got" && _mail === 2), "a _got");
});

Deno.test("a question under the id of one that has no answer yet is refused, and harms it not", async () => {
  await using hub = new SmallHub();
  const client = await connect({ name: "hv", open: true, server: hub.address });
  const first = client.request({ cmd: "x", to: "daq", id: "1" });
  const text = 'a question with the id "1" has no answer yet';
  await assertRejects(() => client.request({ cmd: "y", to: "daq", id: "1" }), Error, text);
  hub.say({ cmd: "x", from: "daq", to: "hv", re: "1", value: 3 });
  assertEquals((await within(first, 3000, "the answer")).value, 3);
  await client.close();
});

Deno.test("a refusal rejects the request that it answers", async () => {
  await using hub = new SmallHub(({ cmd }) =>
    cmd === "x" ? { cmd: "_error", code: "unknown-client", text: "nobody" } : undefined
  );
  await using client = await connect({ name: "hv", open: true, server: hub.address });
  const error = await assertRejects(() => client.request({ cmd: "x", to: "daq" }), RefusedError);
  assertEquals(error.code, "unknown-client");
});

Deno.test("connect fails if the hub refuses the name", async () => {
  await using hub = new SmallHub(({ cmd }) =>
    cmd === "_init" ? { cmd: "_error", code: "name-taken", text: "taken" } : undefined
  );
  await assertRejects(
    () => connect({ name: "hv", open: true, server: hub.address }),
    RefusedError,
    "taken",
  );
});

Deno.test("connect says where it listened if no hub is there", async () => {
  const beaconPort = freeUdpPort();
  const server = Deno.env.get("ABCD_SERVER");
  Deno.env.delete("ABCD_SERVER");
  try {
    await assertRejects(
      () => connect({ name: "hv", beaconPort, timeoutSec: 0.2 }),
      DOMException,
      `none announced itself on UDP port ${beaconPort} in 0.2 s`,
    );
  } finally {
    if (server !== undefined) Deno.env.set("ABCD_SERVER", server);
  }
});

Deno.test("connect can be given up", async () => {
  const stop = new AbortController();
  const joining = connect({ name: "hv", server: "127.0.0.1:1", signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => joining, Error, "enough");
});

Deno.test("what is sent while the hub is away waits, in order, and is bounded", async () => {
  const port = freeTcpPort();
  await using client = createClient({
    name: "hv",
    open: true,
    server: `127.0.0.1:${port}`,
    bufferBytes: 2000,
  });
  for (let i = 0; i < 10; i++) client.send({ cmd: "n", to: "daq", i });
  const big = { cmd: "n", to: "daq", text: "x".repeat(3000) };
  assertThrows(() => client.send(big), BufferFullError);
  await using hub = new SmallHub(undefined, port);
  await client.flush({ timeoutSec: 30 });
  assertEquals(hub.got.filter(({ cmd }) => cmd === "n").map(({ i }) => i), [...Array(10).keys()]);
});

Deno.test("a client that lost the hub comes back with its subscriptions and its spy", async () => {
  await using hub = new SmallHub();
  await using client = await connect({ name: "hv", open: true, server: hub.address });
  const heard: string[] = [];
  client.subscribe("a/+", ({ topic }) => void heard.push(String(topic)));
  client.spy({ from: ["gui"] }, ({ cmd }) => void heard.push(`spied ${cmd}`));
  await client.flush();
  const again = Promise.withResolvers<void>();
  client.addEventListener("joined", () => again.resolve());
  for (const socket of hub.sockets) socket.close();
  await within(again.promise, 30_000, "it never came back");
  await client.flush();
  assertEquals(hub.commands(), ["_init", "_subscribe", "_spy", "_init", "_subscribe", "_spy"]);
  hub.say({ cmd: "state", from: "gui", topic: "a/b" });
  await until(() => heard.length === 2, "both handlers");
  assertEquals(heard, ["a/b", "spied state"]);
});

Deno.test("a handler that throws stops nothing; pings to others are not answered", async () => {
  await using hub = new SmallHub();
  await using client = await connect({ name: "hv", open: true, server: hub.address });
  const errors: string[] = [];
  const handled: Message[] = [];
  client.addEventListener("error", ({ error }) => errors.push(error.message));
  client.on("set", () => {
    throw new Error("broken");
  });
  client.on("*", (message) => void handled.push(message));
  hub.say({ cmd: "_ping", from: "_hub", to: "daq" });
  hub.say({ cmd: "set", from: "gui", to: "hv" });
  hub.say({ cmd: "_ping", from: "_hub", to: "hv" });
  await until(() => hub.commands().includes("_pong"), "the pong");
  assertEquals(errors, ["broken"]);
  assertEquals(handled[0]?.cmd, "set");
  assertEquals(hub.commands().filter((cmd) => cmd === "_pong").length, 1);
});

Deno.test("answer: what a handler returns or throws goes back; bad messages are refused", async () => {
  await using hub = new SmallHub();
  await using client = await connect({ name: "ccd1", open: true, server: hub.address });
  const runs: number[] = [];
  const errors: string[] = [];
  client.addEventListener("error", ({ error }) => errors.push(error.message));
  client.on("run-stop", ({ run }) => void runs.push(run));
  client.answer("run-start", ({ run, config }) => {
    if (config.gain === 0) throw new Error("no gain");
    runs.push(run);
    return run === 3 ? { file: "x" } : undefined;
  });
  const say = (id: string, fields: object) =>
    hub.say({ from: "run", to: "ccd1", id, label: "", experiment: "lab", ...fields });
  say("a", { cmd: "run-start", run: 3, config: {} });
  say("b", { cmd: "run-start", run: 4, config: {} });
  say("c", { cmd: "run-start", run: 5, config: { gain: 0 } });
  say("d", { cmd: "run-start", run: "six", config: {} });
  say("e", { cmd: "run-start", run: 7, config: {}, re: "an answer" });
  say("f", { cmd: "run-stop", run: 3, verdict: "good" });
  say("g", { cmd: "run-stop", verdict: "good" });
  await until(() => errors.length > 0, "the last one is refused");
  const answered = () => hub.got.filter(({ re, cmd }) => re !== undefined && cmd === "run-start");
  await until(() => answered().length >= 4, "all answers");
  await client.flush();
  // Handlers are asynchronous: who is done first answers first.
  const answers = answered().map(({ re, to, ok, text, file }) => ({ re, to, ok, text, file }))
    .sort((a, b) => `${a.re}`.localeCompare(`${b.re}`));
  const all = { to: "run", text: undefined, file: undefined };
  assertEquals(answers, [
    { ...all, re: "a", ok: true, file: "x" },
    { ...all, re: "b", ok: true },
    { ...all, re: "c", ok: false, text: "no gain" },
    { ...all, re: "d", ok: false, text: 'Cannot take run-start: "run" is a string, not a number' },
  ]);
  assertEquals(runs, [3, 4, 3]);
  assertEquals(errors, ['Cannot take run-stop: it has no "run"']);
});

Deno.test("status: said at once, the last one again after the hub was away, and checked", async () => {
  await using hub = new SmallHub();
  await using client = createClient({ name: "cryo", open: true, server: hub.address });
  const statuses = () => hub.got.filter(({ cmd }) => cmd === "_status");
  client.status("starting");
  client.status("cooling", "293 K");
  await until(() => statuses().length === 1, () => `it says ${JSON.stringify(statuses())}`);
  client.status("cooling", "292 K");
  await until(() => statuses().length === 2, "it does not say so");
  for (const socket of hub.sockets) socket.close();
  await until(() => statuses().length === 3, "it is not said again");
  assertEquals(statuses().map(({ state, text }) => [state, text]), [
    ["cooling", "293 K"],
    ["cooling", "292 K"],
    ["cooling", "292 K"],
  ]);
  assertThrows(() => client.status(""), MessageError, "state");
  assertThrows(() => client.status("ok", "two\nlines"), MessageError, "text");
});

/** What is said on standard error meanwhile. */
async function saidDuring(run: () => Promise<void>): Promise<string[]> {
  const said: string[] = [];
  const { error } = console;
  console.error = (...words: unknown[]) => void said.push(words.map(String).join(" "));
  try {
    await run();
  } finally {
    console.error = error;
  }
  return said;
}

Deno.test("refusals and mistakes in handlers that nobody listens to are said on standard error", async () => {
  await using hub = new SmallHub(({ cmd }) =>
    cmd === "x" ? { cmd: "_error", code: "unknown-client", text: "nobody" } : undefined
  );
  const options = { name: "hv", open: true, server: hub.address };
  let calls = 0;
  const mishaps = async (client: Client) => {
    const before = calls;
    client.on("set", () => {
      calls++;
      throw new RangeError("9000 V");
    });
    client.send({ cmd: "x", to: "daq" });
    await client.flush();
    hub.say({ cmd: "set", from: "daq", to: "hv" });
    await until(() => calls > before, "the handler is called");
  };
  const said = await saidDuring(async () => {
    await using client = await connect(options);
    await mishaps(client);
  });
  assertEquals(said, [
    "hv: The hub refused: nobody",
    'hv: A handler of "set" failed: RangeError: 9000 V',
  ]);
  const heard: string[] = [];
  const saidAgain = await saidDuring(async () => {
    await using client = await connect(options);
    client.addEventListener("refused", ({ text }) => heard.push(text));
    client.addEventListener("error", ({ error }) => heard.push(error.message));
    await mishaps(client);
  });
  assertEquals([saidAgain, heard], [[], ["nobody", "9000 V"]]);
});

Deno.test("a client that is back subscribes in parts: of too many topics not all are refused", async () => {
  await using hub = new SmallHub();
  await using client = await connect({ name: "many", open: true, server: hub.address });
  for (let i = 0; i < 250; i++) client.subscribe(`t/${i}`, () => {});
  await client.flush();
  hub.got.length = 0;
  for (const socket of hub.sockets) socket.close();
  const parts = () => hub.got.flatMap(({ cmd, topics }) => cmd === "_subscribe" ? [topics] : []);
  await until(() => parts().flat().length >= 250, "all topics again");
  assertEquals(parts().map((topics) => Array.isArray(topics) ? topics.length : 0), [100, 100, 50]);
});

Deno.test("connect without a time limit says after a while that there is no hub", async () => {
  const leave = new AbortController();
  const said = await saidDuring(async () => {
    const beaconPort = freeUdpPort();
    const joining = connect({ name: "alone", beaconPort, signal: leave.signal }).catch(() => {});
    const { error } = console;
    const heard = Promise.withResolvers<void>();
    console.error = (...words: unknown[]) => {
      error(...words);
      heard.resolve();
    };
    await within(heard.promise, 10_000, "nothing is said");
    leave.abort();
    await joining;
  });
  assertStringIncludes(said.join("\n"), "alone: Cannot find a hub: none announced itself on UDP");
});
