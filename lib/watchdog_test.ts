import { assert, assertEquals, assertThrows } from "@std/assert";
import { temporaryFolder, until, within } from "../tests/harness.ts";
import { mountSmall } from "../tests/small_disk.ts";
import { createLog } from "./log.ts";
import { superviseHub, touchPidFile } from "./watchdog.ts";

/** Supervises a shell script that knows `$PIDS`, a file for pids, and `$FILE`, its pid file. */
async function supervised(script: string, timeoutSec: number, startSec?: number) {
  const folder = await temporaryFolder();
  const pidFile = `${folder.path}/hub.pid`;
  const lives = `${folder.path}/pids`;
  const stop = new AbortController();
  const kill = new AbortController();
  const lines: string[] = [];
  const done = superviseHub({
    childCommand: ["sh", "-c", `PIDS='${lives}'; FILE='${pidFile}'; echo $$ >>"$PIDS"; ${script}`],
    pidFile,
    timeoutSec,
    startSec,
    stop: stop.signal,
    kill: kill.signal,
    log: createLog({ name: "watchdog", level: "debug", write: (line) => lines.push(line) }),
  });
  return {
    pidFile,
    stop,
    kill,
    lines,
    done: within(done, 30_000, () => `the parent does not end:\n${lines.join("\n")}`),
    pids: () => {
      try {
        return Deno.readTextFileSync(lives).split("\n").filter((l) => l !== "").map(Number);
      } catch {
        return [];
      }
    },
    async [Symbol.asyncDispose]() {
      kill.abort();
      await done;
      await folder[Symbol.asyncDispose]();
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a hung child is killed and replaced", async () => {
  await using hub = await supervised('echo $$ >"$FILE"; exec sleep 1000', 1);
  await until(() => hub.pids().length >= 2, "a second child");
  const [first = 0] = hub.pids();
  assert(!isAlive(first));
  assert(hub.lines.some((line) => line.includes("stuck for 1 s")), hub.lines.join("\n"));
});

Deno.test("a child that never touches its file has longer, then is killed and replaced", async () => {
  const began = performance.now();
  await using hub = await supervised("exec sleep 1000", 0.2, 1.5);
  await until(() => hub.pids().length >= 2, "a second child");
  assert(performance.now() - began > 1400, "it had no longer than one that has touched its file");
  assert(hub.lines.some((line) => line.includes("stuck for 1.5 s")), hub.lines.join("\n"));
});

Deno.test("a child that touches its file lives on", async () => {
  await using hub = await supervised(
    'n=0; while :; do echo $$ >"$FILE"; n=$((n+1)); echo $n >"$PIDS.n"; sleep 0.1; done',
    2,
  );
  await until(() => {
    try {
      return Number(Deno.readTextFileSync(hub.pidFile.replace("hub.pid", "pids.n"))) > 30;
    } catch {
      return false;
    }
  }, "30 touches");
  assertEquals(hub.pids().length, 1);
});

Deno.test("a dead child is started again", async () => {
  await using hub = await supervised('echo $$ >"$FILE"; kill -9 $$', 30);
  await until(() => hub.pids().length >= 3, "a third child");
  assert(hub.lines.some((line) => line.includes("again in 0.2 s")));
  assert(hub.lines.some((line) => line.includes("again in 0.4 s")));
});

Deno.test("stop ends the child and the parent, and removes the pid file", async () => {
  await using hub = await supervised(
    'trap "exit 0" TERM; echo $$ >"$FILE"; while :; do sleep 0.05; done',
    30,
  );
  await until(() => exists(hub.pidFile), "the pid file");
  hub.stop.abort();
  assertEquals(await hub.done, 0);
  assert(!isAlive(hub.pids()[0] ?? 0));
  assert(!exists(hub.pidFile));
});

Deno.test("kill ends a child that ignores SIGTERM", async () => {
  await using hub = await supervised(
    'trap "" TERM; echo $$ >"$FILE"; while :; do sleep 0.05; done',
    30,
  );
  await until(() => exists(hub.pidFile), "the pid file");
  hub.stop.abort();
  hub.kill.abort();
  assertEquals(await hub.done, 1);
  assert(!isAlive(hub.pids()[0] ?? 0));
});

Deno.test("wrong usage, or failing at the first start, is not tried again", async () => {
  for (const code of [1, 2]) {
    await using hub = await supervised(`exit ${code}`, 30);
    assertEquals(await hub.done, code);
    assertEquals(hub.pids().length, 1);
  }
});

Deno.test("a child that cannot be started again for a while is tried on", async () => {
  await using folder = await temporaryFolder();
  const program = `${folder.path}/hub`, lives = `${folder.path}/lives`;
  const write = (text: string) => {
    Deno.writeTextFileSync(`${program}.new`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    Deno.renameSync(`${program}.new`, program);
  };
  // The program is being replaced just when the hub dies.
  write(`rm ${program}; kill -9 $$`);
  const kill = new AbortController();
  const lines: string[] = [];
  const done = superviseHub({
    childCommand: [program],
    pidFile: `${folder.path}/pid`,
    timeoutSec: 30,
    stop: new AbortController().signal,
    kill: kill.signal,
    log: createLog({ name: "watchdog", write: (line) => lines.push(line) }),
  });
  done.catch(() => {});
  try {
    await until(
      () => lines.some((line) => line.includes("Cannot start the hub: ")),
      () => `it is not said:\n${lines.join("\n")}`,
    );
    write(`echo here >${lives}; exec sleep 1000`);
    await until(() => exists(lives), "the new one is not started");
  } finally {
    kill.abort();
    await done.catch(() => {});
  }
});

Deno.test("touching writes the pid, and changes the time", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/hub.pid`;
  touchPidFile(path);
  assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
  Deno.utimeSync(path, 1, 1);
  touchPidFile(path);
  assert((Deno.statSync(path).mtime?.getTime() ?? 0) > 1000);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("touching makes the folder again that somebody has removed", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/abcd-hub/pid`;
  // At the first time it is a mistake of who named it.
  assertThrows(() => touchPidFile(path), Deno.errors.NotFound);
  touchPidFile(path, true);
  assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
});

Deno.test({
  name: "touching changes the time on a full disk, too, also at a new start",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    await using folder = await temporaryFolder();
    const small = `${folder.path}/small`, path = `${small}/hub.pid`;
    await using disk = await mountSmall(small);
    if (disk === undefined) return;
    touchPidFile(path);
    await disk.fill();
    Deno.utimeSync(path, 1, 1);
    touchPidFile(path);
    assert((Deno.statSync(path).mtime?.getTime() ?? 0) > 1000);
    assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    Deno.removeSync(path);
    await disk.fill();
    touchPidFile(path);
    assertEquals([...Deno.readDirSync(small)].map(({ name }) => name).sort(), [
      "filler",
      "hub.pid",
    ]);
  },
});
