// Two computers on one cable: network namespaces with a veth pair between them. Needs root and `ip`.

import { assert, assertEquals } from "@std/assert";
import { abcdCommand, after, Running, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";

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
    abcd: (
      where: "hub" | "client",
      args: readonly string[],
      env: { readonly [name: string]: string } = {},
    ) =>
      new Running([
        "ip",
        "netns",
        "exec",
        where === "hub" ? hub : client,
        ...abcdCommand(),
        ...args,
      ], { env }),
    /** A line of TypeScript on the computer of the clients. */
    run: (line: string) =>
      new Running(["ip", "netns", "exec", client, Deno.execPath(), "eval", "--quiet", line]),
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
    const fast = ["--heartbeat=0.5", "--timeout=3", "--beacon-interval=0.5"];
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
      await hub.saw(new RegExp(`Closed ${name}: no message for 3 s`));
      await local.saw(new RegExp(`"cmd":"left","name":"${name}","reason":"no message for 3 s"`));
    }
    await spy.saw(/lost: silent for 3 s/);
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
    const line = ["send", "--server", HUB_IP, "--timeout=2", "cmd=x", "to=spy"];
    await using told = net.abcd("client", line);
    assertEquals((await told.end()).code, 1);
    // Ten announcements later it is not found either.
    for (let i = 0; i < 10; i++) await after(200);
    assert(!/joined/.test(far.stderr), far.stderr);
  },
});

Deno.test({
  name:
    "over a cable: cut, the programs of a host agent go on by themselves; restored, all is known",
  ignore,
  async fn() {
    await using net = await cable();
    await using lab = await Lab.create({
      p: {
        cmd: `echo $$ >>begun; i=0; while :; do i=$((i+1)); echo $$ $i; sleep 0.02; done`,
        shell: true,
        host: "far",
        startSec: 0.1,
        restartSec: 0.1,
      },
      ends: {
        cmd: "while ! test -e go; do sleep 0.02; done; exit 5",
        shell: true,
        host: "far",
        startSec: 0.1,
        restart: "no",
      },
    });
    const env = { XDG_STATE_HOME: `${lab.path}/state` };
    const fast = ["--heartbeat=0.5", "--timeout=3", "--beacon-interval=0.5"];
    await using hub = net.abcd("hub", ["server", "--name=lab", ...fast]);
    await hub.saw(/listens: http/);
    const allow = ["--allow-experiment=lab", `--folder=${lab.path}`];
    await using agent = net.abcd("client", ["exec", "--agent", "--name=far", ...allow], env);
    await using run = net.abcd("hub", ["run", `${lab.path}/lab.jsonc`], env);
    await run.saw(/p: ready on far/);
    await run.saw(/ends: ready on far/);
    const pid = () => Number(lab.text("begun").trim().split("\n").at(-1));
    const one = pid();

    await net.cut();
    await run.saw(/p: running → unreachable on far \(far has left the hub\)/);
    const then = lab.hostLog("far", "p").length;
    await until(() => lab.hostLog("far", "p").length > then, "it does not go on");
    // What happens there meanwhile is dealt with there.
    Deno.kill(one, "SIGKILL");
    await until(() => pid() !== one && lab.instances("p").length === 1, "it is not started again");
    await Deno.writeTextFile(`${lab.path}/go`, "");
    await agent.saw(/ends: running → exited \(exit code 5\)/);
    await using status = net.abcd("hub", ["status", "--json"], env);
    await status.saw(/"far is away: its network, computer or agent; its programs go on/);

    await net.restore();
    await run.saw(/p: unreachable → starting on far \(it was restarted meanwhile\)/);
    await run.saw(/p: \w+ → running on far/);
    await run.saw(/ends: unreachable → exited on far \(exit code 5\)/);
    assertEquals(lab.instances("p").map(({ pid }) => pid), [pid()]);
    run.signal("SIGTERM");
    assertEquals((await run.end()).code, 0);
    assertEquals(lab.processes(), []);
    assertEquals(lab.text("begun").trim().split("\n").length, 2);
    const last = new Map<string, number>();
    for (const [, p = "", i] of lab.hostLog("far", "p").matchAll(/^(\d+) (\d+)$/gm)) {
      assertEquals(Number(i), (last.get(p) ?? 0) + 1);
      last.set(p, Number(i));
    }
    assertEquals(last.size, 2);
  },
});

Deno.test({
  name: "over a cable: without a key one hears that the hub is well, and nothing of who is there",
  ignore,
  async fn() {
    await using net = await cable();
    await using hub = net.abcd("hub", ["server", "--name=lab"]);
    await hub.saw(/listens: http/);
    const get = (path: string) =>
      `const answer = await fetch("http://${HUB_IP}:9819${path}");` +
      `console.log(answer.status, await answer.text())`;
    const told = [["/health", /^200 .*"ok":true/], ["/clients", /^403 Cannot tell/]] as const;
    for (const [path, words] of told) {
      await using asked = net.run(get(path));
      await asked.saw(words);
    }
    await using local = net.abcd("hub", ["spy"]);
    await local.saw(/joined: hub "lab"/);
    // The same key is on both computers here; without it there is no way in.
    await using far = net.abcd("client", ["send", "to=spy", "cmd=hello"]);
    assertEquals((await far.end()).code, 0, far.stderr);
    await using stranger = net.abcd("client", ["send", "to=spy", "cmd=hello"], {
      XDG_CONFIG_HOME: "/none",
    });
    assertEquals((await stranger.end()).code, 1);
    await hub.saw(/denied: This hub asks for a key.*address=192\.0\.2\.2:/);
  },
});
