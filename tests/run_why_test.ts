// What `abcd why` says of ends that really happened: a core, want of memory, no such command, a probe.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runAbcd, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";

const FOREVER = "while :; do sleep 0.05; done";
const once = { shell: true, startSec: 0.05, restart: "no" };

/** A group whose processes may have so much memory; `undefined` if this user may make none. */
async function memoryGroup(bytes: number): Promise<{ path: string } & AsyncDisposable | undefined> {
  const own = Deno.readTextFileSync("/proc/self/cgroup");
  const [, old] = /^\d+:memory:(.*)$/m.exec(own) ?? [];
  const [, one = ""] = /^0::(.*)$/m.exec(own) ?? [];
  const name = `abcd-test-${crypto.randomUUID()}`;
  const path = old === undefined
    ? `/sys/fs/cgroup${one}/${name}`
    : `/sys/fs/cgroup/memory${old}/${name}`;
  const limit = old === undefined ? "memory.max" : "memory.limit_in_bytes";
  try {
    await Deno.mkdir(path);
    await Deno.writeTextFile(`${path}/${limit}`, String(bytes), { create: false });
  } catch {
    await Deno.remove(path).catch(() => {});
    return undefined;
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      await until(() => Deno.remove(path).then(() => true, () => false), `${path} is in use`);
    },
  };
}

Deno.test("why: each kind of end in words, also after the controller was killed", async () => {
  await using group = await memoryGroup(30e6);
  await using lab = await Lab.create({});
  const programs = {
    dumps: { cmd: `echo image 7; ulimit -c unlimited; kill -SEGV $$`, ...once },
    missing: { cmd: "no-such-command-here --x", restart: "no" },
    hung: { cmd: FOREVER, ...once, ready: { file: "never", timeoutSec: 0.2, periodSec: 0.05 } },
    killed: { cmd: FOREVER, ...once },
    failing: { cmd: `seq 1 30; exit 3`, ...once, restart: "on-failure", restartSec: 1000 },
    // tail keeps all of a line: of an endless one it takes whatever memory there is.
    hungry: group === undefined
      ? { cmd: "true", ...once, autostart: false }
      : { cmd: `echo $$ >${group.path}/cgroup.procs; exec tail /dev/zero`, ...once },
  };
  lab.write(programs);
  await using hub = await TestHub.start();
  await using first = lab.run(...hub.clientArgs);
  await first.saw(/in hub/);
  await first.saw(/killed: starting → running/);
  Deno.kill(lab.instances("killed")[0]?.pid ?? 0, "SIGKILL");
  for (const name of ["dumps", "killed", ...(group === undefined ? [] : ["hungry"])]) {
    await first.saw(new RegExp(`${name}: \\w+ → exited`));
  }
  await first.saw(/missing: starting → fatal/);
  await first.saw(/failing: \w+ → backoff/);
  await first.saw(/hung: running → stopping/);

  async function why(name: string): Promise<string> {
    const { code, stdout } = await runAbcd(["why", name, ...hub.clientArgs]);
    assertEquals(code, 0);
    return stdout;
  }
  async function check(): Promise<void> {
    const core = await why("dumps");
    assertMatch(core, /dumps: ended by SIGSEGV; it used memory that is not its own; /);
    assertMatch(core, /; it ran for [\d.]+ s; it had not been restarted before; it is not started/);
    assertMatch(core, /\nIts last lines:\n {2}image 7\n/);
    const isDumped = /core dumped/.test(core);
    const pattern = Deno.readTextFileSync("/proc/sys/kernel/core_pattern").trim();
    if (pattern === "core") assertMatch(core, new RegExp(`core dumped: ${lab.path}/core;`));
    else assert(isDumped || pattern.startsWith("|"), core);

    assertMatch(await why("missing"), /missing: cannot be started: there is no command no-such/);
    assertMatch(
      await why("hung"),
      /hung: was not ready within 0.2 s: no file \S+never; it ran for/,
    );
    const killed = await why("killed");
    assertMatch(killed, /killed: ended by SIGKILL; somebody (or the kernel )?killed it/);
    const failing = await why("failing");
    assertMatch(failing, /failing: exit code 3; it ran for .*; it is started again in /);
    const lines = failing.split("\n").slice(2).map((line) => line.trim());
    assertEquals(
      lines.filter((line) => line !== ""),
      [...Array(20).keys()].map((i) => `${i + 11}`),
    );
    if (group === undefined) return;
    const hungry = await why("hungry");
    assertMatch(hungry, /hungry: ended by SIGKILL; .*for want of memory/);
    assert(!hungry.includes("the kernel did not"), hungry);
    // The table says it too, where it is known.
    const isKnown = hungry.includes("; the kernel killed it for want of memory");
    const said = /hungry: \w+ → exited \(ended by SIGKILL: out of memory\)/.test(first.stderr);
    assertEquals(said, isKnown, first.stderr);
  }
  await check();
  await killNow(first);
  await using second = lab.run(...hub.clientArgs);
  await second.saw(/in hub/);
  await check();
});

Deno.test("why: what hangs again and again is an alarm with its cause, until somebody stops it", async () => {
  await using lab = await Lab.create({
    hangs: {
      cmd: "sleep 1000",
      startSec: 0.05,
      restartSec: 0.01,
      alive: { file: "none", periodSec: 0.05, failures: 1 },
    },
    windows: { cmd: "./windows.sh" },
  });
  Deno.writeTextFileSync(`${lab.path}/windows.sh`, "#!/bin/sh\r\necho hello\r\n");
  Deno.chmodSync(`${lab.path}/windows.sh`, 0o755);
  await using hub = await TestHub.start();
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/windows: starting → fatal \(cannot be started: .* lines that end as on Windows/);
  await run.saw(/alarm: windows: .*; it is not tried again; when mended: abcd start windows/);
  await run.saw(/hangs: stopping → backoff \(is not alive: file \S+ failed\)/);
  await run.saw(/alarm: hangs: 5 unexpected ends in a row, the last: is not alive: file/);
  await run.saw(/: in hub /);
  const stopped = await runAbcd(["stop", "hangs", ...hub.clientArgs]);
  assertEquals(stopped.code, 0, stopped.stderr);
  await run.saw(/alarm: hangs: stopped/);
  assertEquals(run.stderr.match(/alarm: hangs: /g)?.length, 2, run.stderr);
});
