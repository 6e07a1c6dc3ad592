// The Python module that "abcd init python" brings along, with a hub that dies under it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startBeacon } from "../lib/discovery/udp.ts";
import { BufferFullError, connect } from "../mod.ts";
import { freeUdpPort, Running, temporaryFolder, TestHub, until, within } from "./harness.ts";
import { namesAt, pidIn } from "./raw_client.ts";

const EXAMPLES = new URL("../experiments/", import.meta.url).pathname;

async function hasPython(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("python3", {
      args: ["-c", "import sys; sys.exit(sys.version_info < (3, 6))"],
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** Python's environment, to find a hub that announces itself on this port. */
function pythonEnv(beaconPort: number): Record<string, string> {
  return {
    PYTHONPATH: EXAMPLES,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONIOENCODING: "utf-8",
    ABCD_SERVER: "",
    ABCD_BEACON_PORT: `${beaconPort}`,
  };
}

const PROGRAM = `
import abcd, json
hub = abcd.Client("py")
hub.subscribe("news/#")
hub.status("waiting", "é")
for message in hub:
    if message["cmd"] == "double":
        hub.reply(message, value=2 * message["value"])
    elif message["cmd"] == "ask":
        print("answer", hub.request("daq", "what", timeout=20)["text"], flush=True)
    elif message["cmd"] == "ask-nobody":
        try:
            hub.request("daq", "silence", timeout=0.2)
        except TimeoutError as error:
            print("late:", error, flush=True)
        try:
            hub.request("nobody", "x")
        except ConnectionError as error:
            print("refused:", error, flush=True)
    else:
        print(json.dumps(message, ensure_ascii=False), flush=True)
`;

Deno.test({
  name: "python: abcd.py joins, answers, asks, subscribes, and comes back when the hub was killed",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    await using folder = await temporaryFolder();
    const pidFile = `${folder.path}/pid`;
    await using hub = await TestHub.start([
      "--heartbeat=0.3",
      "--beacon-interval=0.2",
      `--pid-file=${pidFile}`,
    ], { open: false, watched: true });
    await using python = new Running(["python3", "-u", "-c", PROGRAM], {
      env: pythonEnv(hub.beaconPort),
    });
    // Another hub has other ports: who is given none finds it again.
    await using daq = await connect({ name: "daq", beaconPort: hub.beaconPort });
    daq.on("what", (message) => daq.reply(message, { text: "why not" }));

    async function talk(round: number): Promise<void> {
      const isThere = async () =>
        (await daq.clients().catch(() => [])).find(({ name }) => name === "py");
      const there = await until(isThere, "py is not in the hub");
      assertEquals(there.info.program, "-c");
      const answer = await daq.request({ to: "py", cmd: "double", value: 21 });
      assertEquals(answer.value, 42);
      await until(async () => (await isThere())?.status?.text === "é", "its status is not known");
      daq.send({ topic: "news/today", cmd: "news", text: `über ${round}` });
      await python.saw(new RegExp(`"news".*über ${round}`));
      daq.send({ to: "py", cmd: "ask" });
      await until(
        () => python.stdout.split("answer why not").length - 1 === round,
        "no answer to Python",
      );
    }
    await talk(1);
    daq.send({ to: "py", cmd: "ask-nobody" });
    await python.saw(/late: no answer from daq in 0.2 s/);
    await python.saw(/refused: Cannot deliver x: there is no client "nobody"/);

    const lost = new Promise<void>((resolve) => void daq.addEventListener("lost", () => resolve()));
    Deno.kill(await until(() => pidIn(pidFile), "no hub"), "SIGKILL");
    await lost;
    await talk(2);
    const received = async () =>
      (await daq.clients()).find(({ name }) => name === "py")?.received ?? 0;
    const before = await received();
    await until(async () => await received() >= before + 3, "py does not answer pings");
    await talk(3);
    assertEquals(python.stderr.split('in hub "').length - 1, 2, python.stderr);
    assertStringIncludes(python.stderr, "py: not in the hub");
  },
});

Deno.test({
  name: "python: a hub that says nothing any more is said to be away, and joined again",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    await using folder = await temporaryFolder();
    const pidFile = `${folder.path}/pid`;
    await using hub = await TestHub.start([
      ...["--heartbeat=0.3", "--timeout=1", "--beacon-interval=0.2", `--pid-file=${pidFile}`],
    ], { open: false });
    await using python = new Running(["python3", "-u", "-c", PROGRAM], {
      env: pythonEnv(hub.beaconPort),
    });
    await python.saw(/in hub "/);
    const pid = await until(() => pidIn(pidFile), "no hub");
    Deno.kill(pid, "SIGSTOP");
    try {
      await python.saw(/py: not in the hub: it says nothing any more: it, its computer or the net/);
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
    await until(() => python.stderr.split('in hub "').length === 3, () => python.stderr);
  },
});

const DURABLE = `
import abcd, time
hub = abcd.Client("log", durable=True)
for message in hub:
    print("got", message["i"], flush=True)
    if message["i"] == 4:
        hub.receive()
        time.sleep(600)  # killed with the next message in its hands
    if message["i"] == 6:
        print("receipt", hub.deliver("daq", "seen", i=6)["receivers"], flush=True)
`;

Deno.test({
  name: "python: a durable program gets what was sent while it was away, and delivers",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    await using folder = await temporaryFolder();
    const pidFile = `${folder.path}/pid`;
    await using hub = await TestHub.start([`--pid-file=${pidFile}`, "--beacon-interval=0.2"], {
      watched: true,
    });
    const start = () =>
      new Running(["python3", "-u", "-c", DURABLE], {
        env: pythonEnv(hub.beaconPort),
      });
    await using daq = await connect({ name: "daq", beaconPort: hub.beaconPort });
    const seen: unknown[] = [];
    daq.on("seen", ({ i }) => void seen.push(i));
    {
      await using python = start();
      await python.saw(/in hub/);
      for (const i of [1, 2]) await daq.deliver({ to: "log", cmd: "x", i });
      await python.saw(/got 2\n/);
      // The hub dies and comes back; so do the programs, and nothing comes twice.
      Deno.kill(await until(() => pidIn(pidFile), "no hub"), "SIGKILL");
      for (const i of [3, 4, 5]) await daq.deliver({ to: "log", cmd: "x", i });
      await python.saw(/got 4\n/);
      assertEquals(python.stdout, "got 1\ngot 2\ngot 3\ngot 4\n");
      await until(async () => {
        const answer = await daq.request({ cmd: "_mailboxes" });
        return JSON.stringify(answer.mailboxes).includes('"waiting":1');
      }, "only the one in its hands is not confirmed");
      python.signal("SIGKILL");
    }
    assertEquals((await daq.deliver({ to: "log", cmd: "x", i: 6 })).mailbox, true);
    await using python = start();
    await python.saw(/receipt 1\n/);
    assertEquals(python.stdout, "got 5\ngot 6\nreceipt 1\n");
    assertEquals(seen, [6]);
  },
});

/** A server of lines that announces itself as a hub, and answers what comes first so. */
function falseHub(beaconPort: number, answer: object | undefined): AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(4096);
      await connection.read(buffer).catch(() => null);
      const text = answer === undefined ? "" : JSON.stringify(answer) + "\n";
      await connection.write(new TextEncoder().encode(text)).catch(() => 0);
      connection.close();
    }
  })();
  const beacon = startBeacon({
    beaconPort,
    // Much more often than the true one.
    intervalSec: 0.05,
    beacon: { name: "false", id: crypto.randomUUID(), http: port, tcp: port },
    bind: "127.0.0.1",
  });
  return {
    async [Symbol.asyncDispose]() {
      await beacon[Symbol.asyncDispose]();
      listener.close();
    },
  };
}

Deno.test({
  name:
    "python: hubs without the key, that refuse, or that are none are passed over for the true one",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    const beaconPort = freeUdpPort();
    const welcome = { cmd: "_welcome", name: "py", hub: "false", protocol: 1, timeout: 30 };
    const proof = { cmd: "_challenge", hub: "false", nonce: "A".repeat(24), proof: "0".repeat(64) };
    await using _welcomes = falseHub(beaconPort, welcome);
    await using _challenges = falseHub(beaconPort, proof);
    const text = "\x1b[2Jno\n";
    await using _refuses = falseHub(beaconPort, { cmd: "_error", code: "denied", text });
    await using _silent = falseHub(beaconPort, undefined);
    await using python = new Running(["python3", "-u", "-c", PROGRAM], {
      env: pythonEnv(beaconPort),
    });
    await python.saw(/not in the hub/);
    // What he says is shown, and does nothing to a terminal.
    await python.saw(/ConnectionError: \\x1b\[2Jno\\x0a\n/);
    await using hub = await TestHub.start(
      [`--beacon-port=${beaconPort}`, "--beacon-interval=0.5"],
      { open: false },
    );
    await python.saw(/py: in hub "/);
    assert(!python.stderr.includes('in hub "false"'), python.stderr);
    await using daq = await connect({ name: "daq", server: hub.address });
    assertEquals((await daq.request({ to: "py", cmd: "double", value: 4 })).value, 8);
  },
});

const REPLIES = `
import abcd
hub = abcd.Client("replies")
for message in hub:
    print("sent", hub.reply(message, i=message["i"]), flush=True)
`;

Deno.test({
  name: "python: what is an answer, as one that came too late, is not answered in its turn",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    await using hub = await TestHub.start([], { open: false });
    const env = { ...pythonEnv(hub.beaconPort), ABCD_SERVER: hub.address };
    await using python = new Running(["python3", "-c", REPLIES], { env });
    await python.saw(/in hub "/);
    await using daq = await connect({ name: "daq", server: hub.address });
    const got: unknown[] = [];
    daq.on("get", ({ i }) => void got.push(i));
    daq.send({ to: "replies", cmd: "get", re: "late", i: 1 });
    daq.send({ to: "replies", cmd: "get", i: 2 });
    await python.saw(/sent False\nsent True\n/);
    await until(() => got.length > 0, () => python.stderr);
    assertEquals(got, [2]);
  },
});

/** Mail that is not for the program; and some that comes just when that looks whether it is done with all. */
const INSIDE = `
import abcd, json
hub = abcd.Client("inside", durable=True)

def new(i):
    message = {"cmd": "x", "to": "inside", "from": "a", "id": str(i), "time": 1.5, "ack": True}
    return hub._is_new(message)

print([sum(map(new, range(32768))) for _ in range(2)])

class Open(set):
    def __len__(self):
        count = super().__len__()
        if count == 0:
            self.add(8)
            hub._last_mail = 8
        return count

told = []
hub._write = lambda message: told.append(message["_mail"])
mails = [{"cmd": "safe", "re": "late"}, {"cmd": "_error", "from": "b"}, {"cmd": "x"}]
hub._read([json.dumps(dict(mail, to="inside", _mail=i + 1)) for i, mail in enumerate(mails)])
hub.receive()
hub.receive(timeout=0)
print(told)
told.clear()

hub._open_mail, hub._last_mail = Open([7]), 7
hub._got(7)
print(told)
`;

Deno.test({
  name: "python: what a sender may send again is known, and mail that just comes is not confirmed",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    const env = { ...pythonEnv(freeUdpPort()), ABCD_SERVER: "127.0.0.1:1" };
    await using python = new Running(["python3", "-c", INSIDE], { env });
    assertEquals((await python.end()).code, 0, python.stderr);
    assertEquals(python.stdout, "[32768, 0]\n[1, 2, 3]\n[7]\n");
  },
});

const THREE_LINES = `
import abcd
hub = abcd.Client("short")
print(hub.publish("lab/short", "monit", bad=float("nan"), all=[1, float("inf")]))
`;

Deno.test({
  name:
    "python: a program of three lines is heard before it ends, also by a hub without a journal; " +
    "NaN is null",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    const args = ["--beacon-interval=0.2", `--journal=${EXAMPLES}abcd.py`]; // which is no folder
    await using hub = await TestHub.start(args, { open: false });
    await using daq = await connect({ name: "daq", server: hub.address });
    const got: unknown[] = [];
    daq.subscribe("lab/short", ({ bad, all }) => void got.push([bad, all]));
    await daq.flush();
    // As abcd run tells it where the hub is.
    const env = { ...pythonEnv(hub.beaconPort), ABCD_SERVER: hub.address };
    await using python = new Running(["python3", "-c", THREE_LINES], { env });
    assertEquals([(await python.end()).code, python.stdout], [0, "True\n"], python.stderr);
    await until(() => got.length > 0, () => python.stderr);
    assertEquals(got, [[null, [1, null]]]);
    const elsewhere = { ...env, ABCD_SERVER: `127.0.0.1:${hub.tcpPort}` };
    await using astray = new Running(["python3", "-c", THREE_LINES], { env: elsewhere });
    await astray.saw(/not in the hub: .*no HTTP is spoken at 127.0.0.1:\d+: ABCD_SERVER wants/);
  },
});

const LAST_WORDS = `
import abcd
hub = abcd.Client("ends")
hub.subscribe("busy")
hub.receive()
for i in range(300):
    hub.publish("last", "word", i=i, pad="x" * 1000)
`;

Deno.test({
  name:
    "python: what a program says before it ends reaches the hub, however much comes in meanwhile",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    await using hub = await TestHub.start([], { open: false });
    await using daq = await connect({ name: "daq", server: hub.address });
    await using busy = await connect({ name: "busy", server: hub.address });
    const got: unknown[] = [];
    daq.subscribe("last", ({ i }) => void got.push(i));
    await daq.flush();
    const pad = "y".repeat(50_000);
    let over = false;
    const flood = setInterval(() => {
      try {
        // Deno 2.4 may call one that was cleared.
        for (let i = 0; i < 5 && !over; i++) busy.send({ topic: "busy", cmd: "y", pad });
      } catch (error) {
        // It is flood enough if the hub takes no more.
        if (!(error instanceof BufferFullError)) throw error;
      }
    }, 5);
    try {
      const env = { ...pythonEnv(hub.beaconPort), ABCD_SERVER: hub.address };
      for (let i = 0; i < 3; i++) {
        await using python = new Running(["python3", "-c", LAST_WORDS], { env });
        assertEquals((await python.end()).code, 0, python.stderr);
        const left = async () => (await daq.clients()).every(({ name }) => name !== "ends");
        await until(left, "it has left");
        assertEquals(got.splice(0), Array.from({ length: 300 }, (_, i) => i), python.stderr);
      }
    } finally {
      over = true;
      clearInterval(flood);
    }
  },
});

const HALF = `
import abcd
hub = abcd.Client("half")
print(hub.publish("a", "large", pad="x" * 20000000), flush=True)
input()
print(hub.publish("a", "next"), flush=True)
input()
`;

Deno.test({
  name: "python: behind half a message nothing is sent on the same connection",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    await using folder = await temporaryFolder();
    const beaconPort = freeUdpPort();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    await using _beacon = startBeacon({
      beaconPort,
      intervalSec: 0.1,
      beacon: { name: "slow", id: crypto.randomUUID(), http: port, tcp: port },
      bind: "127.0.0.1",
    });
    const env = { ...pythonEnv(beaconPort), ABCD_KEY: "", ABCD_KEY_FILE: `${folder.path}/none` };
    await using python = new Running(["python3", "-c", HALF], { env, stdin: "piped" });
    using connection = await listener.accept();
    const say = (message: object) =>
      connection.write(new TextEncoder().encode(JSON.stringify(message) + "\n")).catch(() => 0);
    const buffer = new Uint8Array(1 << 20);
    await connection.read(buffer);
    await say({ cmd: "_welcome", name: "half", hub: "slow", protocol: 1, timeout: 1 });
    // It is there, and reads nothing for longer than a client waits.
    const ping = setInterval(() => say({ cmd: "news" }), 200);
    try {
      await python.saw(/False\n/);
      await python.type("\n");
      let text = "";
      for (;;) {
        const reading = connection.read(buffer).catch(() => null);
        const count = await within(reading, 5000, () => `its end behind ${text.slice(-100)}`);
        if (count === null) break;
        text = (text + new TextDecoder().decode(buffer.subarray(0, count))).slice(-1000);
        assert(!text.includes('"next"'), text);
      }
      await python.saw(/False\nFalse\n/);
    } finally {
      clearInterval(ping);
    }
  },
});

Deno.test({
  name: "python: that no hub is there is said in words",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    const beaconPort = freeUdpPort();
    await using python = new Running(["python3", "-c", THREE_LINES], {
      env: pythonEnv(beaconPort),
    });
    await python.saw(/no hub announces itself on UDP port \d+: is abcd server running/);
    // Its message waited for a hub, and then that is said, too.
    assertEquals((await python.end()).code, 0);
    assertStringIncludes(python.stderr, 'the hub is away: "monit" was not sent');
    assertEquals(python.stdout, "False\n");
  },
});

Deno.test({
  name: "python: of several hubs it takes the one that is named",
  ignore: Deno.build.os === "windows" || !await hasPython(),
  async fn() {
    const beaconPort = freeUdpPort();
    const start = (name: string) =>
      TestHub.start([`--name=${name}`, `--beacon-port=${beaconPort}`, "--beacon-interval=0.1"], {
        open: false,
      });
    await using other = await start("lab1");
    await using wanted = await start("lab2");
    const program = (more: string) =>
      new Running(["python3", "-c", `import abcd\nabcd.FIND_SEC = 0.5\n${more}\ninput()`], {
        env: pythonEnv(beaconPort),
        stdin: "piped",
      });
    await using right = program('abcd.Client("right", hub="lab2")');
    await using nowhere = program('abcd.Client("nowhere", hub="lab3")');
    await right.saw(/right: in hub "lab2"/);
    await nowhere.saw(/no hub "lab3" announces itself on UDP port \d+, but others do: lab1, lab2/);
    assertEquals(await namesAt(wanted.httpPort), ["right"]);
    // Its address may be given, and be that of another one.
    await using wrong = program(
      `import os\nos.environ["ABCD_SERVER"] = "${other.address}"\nabcd.Client("wrong", hub="lab2")`,
    );
    await wrong.saw(/wrong: not in the hub: .*it is the hub "lab1", not "lab2"/);
    for (const one of [right, nowhere, wrong]) await one.endInput();
  },
});
