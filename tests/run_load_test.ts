// A flood of output, a full disk, many programs.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../lib/client.ts";
import { canCollapse } from "../lib/process/log_rotation.ts";
import { readProcess } from "../lib/process/proc_fs.ts";
import { after, runAbcd, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";
import { mountSmall } from "./small_disk.ts";

const FOREVER = "while :; do sleep 0.2; done";
const quick = { shell: true, startSec: 0.05, restartSec: 0.05 };

Deno.test("a flood of 200 MB: kept small, exactly the end of it, others answer, memory is bounded", async () => {
  const last = 22_500_000;
  const maxBytes = 1024 * 1024;
  await using lab = await Lab.create({
    flood: { cmd: `seq 1 ${last}; ${FOREVER}`, ...quick, log: { maxBytes, backups: 5 } },
    unbroken: {
      cmd: `head -c 50000000 /dev/zero | tr '\\0' x; ${FOREVER}`,
      ...quick,
      log: { maxBytes, backups: 2 },
    },
    quiet: { cmd: FOREVER, ...quick },
  });
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  let mostMemory = 0;
  const sizeOf = (name: string) => {
    try {
      return Deno.statSync(`${lab.state}/log/${name}`).size;
    } catch {
      return 0;
    }
  };
  const small = (name: string) => sizeOf(`${name}.log.1`) > 0 && sizeOf(`${name}.log`) <= maxBytes;
  await until(async () => {
    await client.request({ cmd: "status", to: "run", programs: ["quiet"] });
    mostMemory = Math.max(mostMemory, readProcess(run.pid)?.memoryBytes ?? 0);
    const ended = lab.log("flood").endsWith(`\n${last}\n`);
    return ended && small("flood") && small("unbroken");
  }, "the logs do not become small");
  if (!await canCollapse(lab.path)) return; // then only the size is promised
  assert(mostMemory < 400e6, `${mostMemory} bytes of memory`);
  const kept = [5, 4, 3, 2, 1].map((i) => lab.text(`state/abcd/lab/log/flood.log.${i}`)).join("") +
    lab.log("flood");
  // The front may begin in the middle of a number.
  const numbers = kept.split("\n").slice(1, -1).map(Number);
  const gap = numbers.findIndex((n, i) => n !== last - numbers.length + 1 + i);
  assertEquals(gap, -1, `at ${numbers[gap - 1]}, ${numbers[gap]}`);
  assert(/^x*$/.test(lab.log("unbroken")));
  assertEquals(sizeOf("unbroken.log.1"), maxBytes);
  assertEquals(sizeOf("unbroken.log.3"), 0);
});

Deno.test("a full disk: nothing is lost track of, nothing starts twice, exit codes are learned", async () => {
  await using lab = await Lab.create({});
  const once = (code: number) => ({
    cmd: `while ! test -e ${lab.path}/go${code}; do sleep 0.05; done; exit ${code}`,
    ...quick,
    restart: "no",
  });
  lab.write({ stays: { cmd: FOREVER, ...quick }, ends: once(7), later: once(8) });
  await using disk = await mountSmall(`${lab.path}/state`);
  if (disk === undefined) return; // not allowed to
  await using first = lab.run();
  for (const name of ["stays", "ends", "later"]) {
    await first.saw(new RegExp(`${name}: starting → running`));
  }
  const [stays] = lab.instances("stays");
  await disk.fill();
  await Deno.writeTextFile(`${lab.path}/go7`, "");
  await first.saw(/ends: running → exited \(exit code 7\)/);
  await first.saw(/Cannot write .*ends\.json/);
  await killNow(first);
  await Deno.writeTextFile(`${lab.path}/go8`, "");
  await until(() => lab.instances("later").length === 0, "it has not ended");
  await using second = lab.run();
  await second.saw(/later: running → exited \(exit code 8\)/);
  await second.saw(/ends: running → exited \(exit code 7\)/);
  await second.saw(new RegExp(`stays: adopted, pid ${stays?.pid}\\b`));
  await disk.free();
  second.signal("SIGTERM");
  assertEquals((await second.end()).code, 0);
  assertEquals(lab.processes(), []);
});

Deno.test("a full disk: what ends is started again, has its pid and is stopped; the state is written when there is room", async () => {
  await using lab = await Lab.create({});
  const dies = { cmd: `trap 'exit 3' USR1; ${FOREVER}`, ...quick };
  lab.write({ dies });
  await using disk = await mountSmall(`${lab.path}/state`);
  if (disk === undefined) return; // not allowed to
  await using hub = await TestHub.start();
  await using first = lab.run(...hub.clientArgs);
  await first.saw(/dies: starting → running/);
  const [before] = lab.instances("dies");
  const full = await disk.stayFull();
  Deno.kill(before?.pid ?? 0, "SIGUSR1");
  await first.saw(/dies: running → backoff \(exit code 3\)[^]*dies: starting → running/);
  // What an end leaves is cleared away, and the next record may just fit in there.
  await until(() => {
    if (/alarm: state: Cannot write .*; programs go on/.test(first.stderr)) return true;
    for (const { pid } of lab.instances("dies")) {
      try {
        Deno.kill(pid, "SIGUSR1");
      } catch {
        // it has ended
      }
    }
    return false;
  }, () => `there is no alarm: ${first.stderr}`);
  const stopped = await runAbcd(["stop", "dies", ...hub.clientArgs]);
  assertEquals([stopped.code, lab.processes()], [0, []], stopped.stderr);
  const started = await runAbcd(["start", "dies", ...hub.clientArgs]);
  assertEquals(started.code, 0, started.stderr);
  await full[Symbol.asyncDispose]();
  await disk.free();
  await first.saw(/alarm: state: it can be written/);
  const [after] = lab.instances("dies");
  await killNow(first);
  await using second = lab.run();
  await second.saw(new RegExp(`dies: adopted, pid ${after?.pid}\\b`));
  second.signal("SIGTERM");
  assertEquals((await second.end()).code, 0, second.stderr);
  assertEquals(lab.processes(), []);
});

Deno.test("a full disk: who cannot write the line that shows that it lives is let be", async () => {
  await using lab = await Lab.create({});
  // More than fits into a block that is begun.
  const talks = "while :; do head -c 4000 /dev/zero | tr '\\0' x; echo tick; sleep 0.05; done";
  lab.write({
    talks: {
      cmd: talks,
      ...quick,
      log: { maxBytes: 50_000, backups: 0 },
      alive: { logLine: "tick", timeoutSec: 0.6 },
    },
    // What shows that the time is over.
    mute: { cmd: FOREVER, ...quick, alive: { file: "none", periodSec: 0.3, failures: 4 } },
  });
  await using disk = await mountSmall(`${lab.path}/state`);
  if (disk === undefined) return; // not allowed to
  await using run = lab.run();
  await run.saw(/talks: starting → running/);
  const pids = () => lab.instances("talks").map(({ pid }) => pid);
  const before = pids();
  const full = await disk.stayFull();
  await run.saw(/mute: running → stopping \(is not alive: file[^]*mute: running → stopping/);
  assert(!/talks: running → stopping/.test(run.stderr), run.stderr);
  assertEquals(pids(), before);
  await full[Symbol.asyncDispose]();
  await disk.free();
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0);
});

Deno.test("200 programs start, are told of and stop", async () => {
  const names = Array.from({ length: 200 }, (_, i) => `p${i}`);
  await using lab = await Lab.create(
    Object.fromEntries(names.map((name) => [name, { cmd: "sleep 10000", startSec: 0.05 }])),
  );
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  const seen: number[] = [];
  await until(
    async () => {
      const answer = await client.request({ cmd: "status", to: "run" }, { timeoutSec: 60 });
      const status = JSON.stringify(answer.programs);
      seen.push(status.split(`"state":"running"`).length - 1);
      return seen.at(-1) === names.length;
    },
    () => `not all run: ${seen}`,
    120_000,
  );
  // It answers while it starts them.
  assert(seen.some((count) => count > 0 && count < names.length), seen.join(", "));
  // Little more than the looks at /proc, of all processes of this computer: 0.007 where nothing else runs.
  const loads: number[] = [];
  await until(async () => {
    const begin = performance.now();
    const before = readProcess(run.pid)?.cpuSec ?? 0;
    await after(3000);
    const used = (readProcess(run.pid)?.cpuSec ?? 0) - before;
    loads.push(1000 * used / (performance.now() - begin));
    return (loads.at(-1) ?? 1) < 0.03;
  }, () => `an idle controller uses these parts of a core: ${loads}`);
  if (Deno.env.has("ABCD_FIGURES")) console.error(`idle: ${loads} of a core`);
  run.signal("SIGTERM");
  assertEquals((await run.end(120_000)).code, 0);
  assertEquals(lab.processes(), []);
});
