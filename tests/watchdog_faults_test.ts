// The hub's processes stopped, killed and ended: the watchdog, and what clients notice of it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Client, connect } from "../mod.ts";
import {
  abcd,
  abcdCommand,
  freeTcpPort,
  freeUdpPort,
  PATIENCE_MS,
  Running,
  temporaryFolder,
  until,
  within,
} from "./harness.ts";
import { isRunning, namesAt, pidIn, RawClient } from "./raw_client.ts";

/** Everything here looks at processes in /proc. */
const ignore = Deno.build.os !== "linux";

/** A hub with its watchdog, on ports that stay the same when the child is another. */
async function startHub(args: readonly string[] = [], options: Partial<Deno.CommandOptions> = {}) {
  const folder = await temporaryFolder();
  const pidFile = `${folder.path}/hub.pid`;
  const [httpPort, tcpPort, beaconPort] = [freeTcpPort(), freeTcpPort(), freeUdpPort()];
  const process = abcd([
    "server",
    "--open",
    "--name=h",
    `--http-port=${httpPort}`,
    `--tcp-port=${tcpPort}`,
    `--beacon-port=${beaconPort}`,
    "--beacon-interval=0.5",
    "--bind=127.0.0.1",
    `--pid-file=${pidFile}`,
    ...args,
  ], options);
  const hub = {
    process,
    folder: folder.path,
    pidFile,
    httpPort,
    tcpPort,
    beaconPort,
    address: `127.0.0.1:${httpPort}`,
    /** The process number of the hub's child, another than this one. */
    child: (notThis?: number) =>
      until(() => {
        const pid = pidIn(pidFile);
        return pid === notThis ? undefined : pid;
      }, "no child"),
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      const child = pidIn(pidFile);
      if (child !== undefined && isRunning(child)) Deno.kill(child, "SIGKILL");
      await folder[Symbol.asyncDispose]();
    },
  };
  try {
    await process.saw(/listens: http/);
    await hub.child();
  } catch (error) {
    await hub[Symbol.asyncDispose]();
    throw error;
  }
  return hub;
}
type Hub = Awaited<ReturnType<typeof startHub>>;

/** A message from one to the other and back: works as soon as both are in the hub. */
async function roundTrip(from: Client, to: Client): Promise<void> {
  const off = to.on("there", ({ id, from }) => to.send({ cmd: "back", to: from, re: id }));
  try {
    await until(async () => {
      try {
        const { cmd } = await from.request({ cmd: "there", to: to.name }, { timeoutSec: 2 });
        return cmd === "back";
      } catch {
        return false;
      }
    }, "no round trip");
  } finally {
    off();
  }
}

/** Three clients see the hub's child die in this way; all are back without anybody's help. */
async function survive(hub: Hub, fault: Deno.Signal): Promise<void> {
  // One finds the hub by UDP, one has its address, one is another process.
  await using a = await connect({ name: "a", beaconPort: hub.beaconPort, timeoutSec: 30 });
  await using b = await connect({ name: "b", server: hub.address, timeoutSec: 30 });
  await using spy = abcd(["spy", "--json", "--as=watcher", `--beacon-port=${hub.beaconPort}`]);
  await spy.saw(/joined: hub "h"/);
  const heard: unknown[] = [];
  b.subscribe("news", ({ n }) => void heard.push(n));
  await roundTrip(a, b);

  const first = await hub.child();
  Deno.kill(first, fault);
  await hub.child(first);
  await until(() => !isRunning(first), "the first child lives on");
  await until(
    async () => (await namesAt(hub.httpPort))?.join() === "a,b,watcher",
    "not everybody is back",
  );
  await spy.saw(/joined again: hub "h"/);
  await roundTrip(a, b);
  await roundTrip(b, a);
  a.send({ cmd: "n", topic: "news", n: 42 });
  await until(() => heard.includes(42), "the subscription did not survive");
  await spy.saw(/"n":42/);
}

Deno.test({
  name: "a stuck hub is killed and replaced, and every client is back under its name",
  ignore,
  async fn() {
    await using hub = await startHub(["--watchdog=2"]);
    await survive(hub, "SIGSTOP");
    assertMatch(hub.process.stderr, /hub process is stuck for 2 s: killed/);
  },
});

Deno.test({
  name: "a killed hub is replaced, and every client is back under its name",
  ignore,
  async fn() {
    await using hub = await startHub();
    await survive(hub, "SIGKILL");
    assertMatch(hub.process.stderr, /hub process ended \(SIGKILL\); starts again in 0\.2 s/);
  },
});

Deno.test({
  name: "a healthy hub is left alone by the shortest watchdog",
  ignore,
  async fn() {
    await using hub = await startHub(["--watchdog=2", "--log-level=debug"]);
    const inode = () => Deno.statSync(hub.pidFile).ino;
    const first = await hub.child();
    // Each touch is a new file; five of them are more than twice the limit.
    let touches = 0;
    for (let last = inode(); touches < 5; touches++) {
      last = await until(() => {
        const now = inode();
        return now === last ? undefined : now;
      }, "the pid file is not touched");
    }
    assertEquals(await hub.child(), first);
  },
});

Deno.test({
  name: "without its watchdog the hub ends, and frees the ports",
  ignore,
  async fn() {
    await using hub = await startHub();
    using client = await RawClient.join(hub.tcpPort, "c");
    const child = await hub.child();
    hub.process.signal("SIGKILL");
    await client.saw(/shutting-down/);
    await until(() => !isRunning(child), "a hub without a head");
    for (const port of [hub.httpPort, hub.tcpPort]) {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
    }
    assertEquals(pidIn(hub.pidFile), undefined);
  },
});

/** What is in a temporary folder, but for the cache of code that a compiled program keeps there. */
function leftIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    !name.startsWith("deno-compile-")
  );
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test({
    name: `${signal}: clients are told, nothing is left`,
    ignore,
    async fn() {
      await using temporary = await temporaryFolder();
      // To the whole group, as a terminal does with Ctrl-C.
      await using hub = await startHub([], {
        detached: true,
        env: { TMPDIR: temporary.path },
      });
      using old = await RawClient.join(hub.tcpPort, "old");
      await using client = await connect({ name: "c", server: hub.address });
      const lost: string[] = [];
      client.addEventListener("lost", ({ reason }) => void lost.push(reason));
      const child = await hub.child();
      Deno.kill(-hub.process.pid, signal);
      assertEquals((await hub.process.end()).code, 0);
      await old.saw(/"code":"shutting-down"/);
      await until(() => lost.length > 0, "the client does not notice");
      assertMatch(lost[0] ?? "", /shutting down/);
      assert(!isRunning(child));
      assertEquals(pidIn(hub.pidFile), undefined);
      assertEquals([...Deno.readDirSync(hub.folder)], []);
      assertEquals(leftIn(temporary.path), []);
    },
  });
}

Deno.test({
  name: "a pid file of no name is in a temporary folder, which goes",
  ignore,
  async fn() {
    await using temporary = await temporaryFolder();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await using hub = abcd(
        ["server", "--http-port=0", "--tcp-port=0", "--bind=127.0.0.1", "--beacon-interval=0"],
        { env: { TMPDIR: temporary.path } },
      );
      await hub.saw(/listens: http/);
      const files = () => leftIn(temporary.path);
      assertEquals(files().length, 1);
      hub.signal(signal);
      await hub.end();
      await until(() => files().length === 0, `left after ${signal}`);
    }
  },
});

Deno.test({
  name: "a pid file without a watchdog: the hub outlives who started it",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const pidFile = `${folder.path}/pid`;
    const line = [
      ...abcdCommand(),
      "server",
      "--no-watchdog",
      "--watchdog=3", // touches each second
      "--http-port=0",
      "--tcp-port=0",
      "--bind=127.0.0.1",
      "--beacon-interval=0",
      `--pid-file=${pidFile}`,
    ];
    await using shell = new Running([
      "sh",
      "-c",
      '"$@" & while [ ! -e "$0" ]; do sleep 0.1; done',
      pidFile,
      ...line,
    ]);
    // Not all that it wrote: the hub has its output, too.
    assertEquals((await within(shell.status, PATIENCE_MS, "the shell does not end")).code, 0);
    const pid = await until(() => pidIn(pidFile), "no pid file");
    try {
      for (let touches = 0, last = 0; touches < 3; touches++) {
        last = await until(() => {
          const now = Deno.statSync(pidFile).ino ?? 0;
          return now === last ? undefined : now;
        }, "the hub does not go on");
      }
      Deno.kill(pid, "SIGTERM");
      await until(() => !isRunning(pid), "the hub does not end");
      assertEquals(pidIn(pidFile), undefined);
    } finally {
      if (isRunning(pid)) Deno.kill(pid, "SIGKILL");
    }
  },
});

Deno.test({
  name: "--json: every line of hub and watchdog is an object, and standard output stays free",
  ignore,
  async fn() {
    await using hub = await startHub(["--json"]);
    const first = await hub.child();
    Deno.kill(first, "SIGKILL");
    await hub.child(first);
    hub.process.signal("SIGTERM");
    assertEquals((await hub.process.end()).code, 0);
    assertEquals(hub.process.stdout, "");
    const lines = hub.process.stderr.trim().split("\n");
    for (const line of lines) assertEquals(typeof JSON.parse(line), "object", line);
    assert(lines.some((line) => line.includes("starts again in")), lines.join("\n"));
  },
});
