// Two computers on one cable: network namespaces with a veth pair between them. Needs root and `ip`.

import { assert, assertEquals } from "@std/assert";
import { abcdCommand, after, Running, until } from "./harness.ts";

/** Runs a program of the system to its end; its output, or an error with what it said. */
async function system(...line: string[]): Promise<string> {
  const [program = "", ...args] = line;
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`Cannot run ${line.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

const HUB_IP = "192.0.2.1", CLIENT_IP = "192.0.2.2";

/** Two network namespaces, each with its end of a cable. */
async function cable() {
  const tag = `abcd${crypto.randomUUID().slice(0, 6)}`;
  const hub = `${tag}h`, client = `${tag}c`;
  await using undo = new AsyncDisposableStack();
  for (const name of [hub, client]) {
    await system("ip", "netns", "add", name);
    undo.defer(() => system("ip", "netns", "del", name).then(() => {}, () => {}));
    await system("ip", "-n", name, "link", "set", "lo", "up");
  }
  const ends = [["name", hub, "netns", hub], ["name", client, "netns", client]] as const;
  await system("ip", "link", "add", ...ends[0], "type", "veth", "peer", ...ends[1]);
  for (const [name, ip] of [[hub, HUB_IP], [client, CLIENT_IP]] as const) {
    await system("ip", "-n", name, "addr", "add", `${ip}/24`, "brd", "+", "dev", name);
    await system("ip", "-n", name, "link", "set", name, "up");
  }
  const kept = undo.move();
  return {
    /** abcd on the computer of the hub, or on that of the clients. */
    abcd: (where: "hub" | "client", args: readonly string[]) =>
      new Running([
        "ip",
        "netns",
        "exec",
        where === "hub" ? hub : client,
        ...abcdCommand(),
        ...args,
      ]),
    cut: () => system("ip", "-n", hub, "link", "set", hub, "down"),
    restore: () => system("ip", "-n", hub, "link", "set", hub, "up"),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Why there can be no namespaces here; `undefined`: there can. */
async function obstacle(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "this is not Linux";
  try {
    await using _ = await cable();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

const why = await obstacle();
if (why !== undefined) console.warn(`tests/network_test.ts is skipped: ${why}`);
const ignore = why !== undefined;

Deno.test({
  name:
    "over a cable: the hub is found by UDP; cut, both sides notice; restored, the client is back",
  ignore,
  async fn() {
    await using net = await cable();
    const fast = ["--heartbeat=1", "--timeout=6", "--beacon-interval=0.5"];
    // The usual ports, and no address anywhere: each computer has its own.
    await using hub = net.abcd("hub", ["server", "--name=lab", ...fast]);
    await hub.saw(/listens: http/);
    await using local = net.abcd("hub", ["spy", "--json", "--as=local"]);
    await local.saw(/joined: hub "lab" at (127\.0\.0\.1|192\.0\.2\.1):9819/);
    await using far = net.abcd("client", ["sim", "pressure", "--name=gauge", "--period=0.5"]);
    await using spy = net.abcd("client", ["spy", "--json", "--as=far"]);
    await spy.saw(/joined: hub "lab" at 192\.0\.2\.1:9819/);
    await hub.saw(/gauge joined/);
    await local.saw(/"from":"gauge"/);
    const sent = net.abcd("client", ["send", "to=local", "cmd=across", "n:=7"]);
    {
      await using _ = sent;
      assertEquals((await sent.end()).code, 0, sent.stderr);
    }
    await local.saw(/"cmd":"across"/);

    await net.cut();
    for (const name of ["gauge", "far"]) {
      await hub.saw(new RegExp(`Closed ${name}: no message for 6 s`));
      await local.saw(new RegExp(`"cmd":"left","name":"${name}","reason":"no message for 6 s"`));
    }
    await spy.saw(/lost: silent for 6 s/);
    // Nobody on the hub's side has noticed anything else.
    assert(!/lost/.test(local.stderr), local.stderr);

    await net.restore();
    await spy.saw(/joined again: hub "lab" at 192\.0\.2\.1:9819, as far/);
    await hub.saw(/gauge joined[^]*gauge left[^]*gauge joined/);
    const mark = local.stdout.length;
    await until(() => local.stdout.slice(mark).includes('"from":"gauge"'), "gauge says nothing");
    far.signal("SIGTERM");
    assertEquals((await far.end()).code, 0);
  },
});

Deno.test({
  name: "over a cable: a hub bound to loopback is neither heard nor reached from elsewhere",
  ignore,
  async fn() {
    await using net = await cable();
    await using hub = net.abcd("hub", ["server", "--bind=127.0.0.1", "--beacon-interval=0.2"]);
    await hub.saw(/listens: http 127\.0\.0\.1:9819, tcp 127\.0\.0\.1:9818/);
    await using local = net.abcd("hub", ["spy"]);
    await local.saw(/joined: hub .* at 127\.0\.0\.1:9819/);
    await using far = net.abcd("client", ["spy"]);
    await far.saw(/searching/);
    await using told = net.abcd("client", ["send", "--server", HUB_IP, "cmd=x", "to=spy"]);
    assertEquals((await told.end()).code, 1);
    // Ten announcements later it is not found either.
    for (let i = 0; i < 10; i++) await after(200);
    assert(!/joined/.test(far.stderr), far.stderr);
  },
});
