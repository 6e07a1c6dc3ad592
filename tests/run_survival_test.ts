// The controller may be killed at any moment; the experiment goes on.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type ProcessStat, readProcess, startVariable } from "../lib/process/proc_fs.ts";
import { decodeRecord, encodeRecord } from "../lib/run/state_folder.ts";
import { runAbcd, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";

/** Counts up without end, a line each 10 ms. */
const COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done";

/** The one instance of a program, which may be on its way from shell to shell yet. */
async function instanceOf(lab: Lab, program: string): Promise<ProcessStat | undefined> {
  await until(() => lab.instances(program).length === 1, `no instance of ${program}`);
  return lab.instances(program)[0];
}

function numbersOf(log: string): number[] {
  // The shell may tell of its end there too.
  return log.split("\n").slice(0, -1).filter((line) => /^\d+$/.test(line)).map(Number);
}

Deno.test("a killed controller leaves its programs; the next one adopts them, no output is lost", async () => {
  await using lab = await Lab.create({ count: { cmd: COUNT, shell: true, startSec: 0.1 } });
  const first = lab.run();
  await first.saw(/count: starting → running/);
  const [{ pid } = { pid: 0 }] = lab.instances("count");
  assert(pid > 0);
  await killNow(first);
  const then = numbersOf(lab.log("count")).length;
  await until(() => numbersOf(lab.log("count")).length > then + 50, "it does not write on");
  const second = lab.run();
  await second.saw(new RegExp(`count: adopted, pid ${pid}\\b`));
  assertEquals(lab.instances("count").map((one) => one.pid), [pid]);
  const now = numbersOf(lab.log("count")).length;
  await until(() => numbersOf(lab.log("count")).length > now + 10, "it does not write on");
  second.signal("SIGINT");
  assertEquals((await second.end()).code, 0);
  assertEquals(lab.processes(), []);
  const numbers = numbersOf(lab.log("count"));
  assertEquals(numbers, numbers.map((_, i) => i + 1));
});

Deno.test("what ended while no controller was there is learned, not guessed", async () => {
  await using lab = await Lab.create({});
  const waits = (how: string) =>
    `while ! test -e ${lab.path}/go; do sleep 0.05; done; echo the end; ${how}`;
  const once = { shell: true, startSec: 0.1, restart: "no" };
  lab.write({
    good: { cmd: waits("exit 0"), ...once },
    bad: { cmd: waits("exit 7"), ...once },
    killed: { cmd: waits("kill -9 $$"), ...once },
    again: { cmd: waits("exit 5"), shell: true, startSec: 0.1, restartSec: 0.1 },
  });
  const first = lab.run();
  for (const name of ["good", "bad", "killed", "again"]) {
    await first.saw(new RegExp(`${name}: starting → running`));
  }
  await killNow(first);
  await Deno.writeTextFile(`${lab.path}/go`, "");
  await until(() => lab.processes().length === 0, "they have not ended");
  const second = lab.run();
  await second.saw(/good: running → exited \(exit code 0\)/);
  await second.saw(/bad: running → exited \(exit code 7\)/);
  await second.saw(/killed: running → exited \(ended by SIGKILL\)/);
  await second.saw(/again: running → backoff \(exit code 5\)/);
  await second.saw(/again: backoff → starting/);
  second.signal("SIGINT");
  assertEquals((await second.end()).code, 0);
  assertEquals(lab.log("good"), "the end\n");
});

Deno.test("a second controller is refused with the first one's pid, and harms nothing", async () => {
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", startSec: 0.1 } });
  const first = lab.run();
  await first.saw(/p: starting → running/);
  const second = lab.run();
  assertEquals((await second.end()).code, 1);
  assertStringIncludes(second.stderr, `pid ${first.pid} `);
  assertEquals(lab.instances("p").length, 1);
});

Deno.test("two controllers started together: one wins, one instance", async () => {
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", startSec: 0.1 } });
  const both = [lab.run(), lab.run()];
  const loser = await Promise.race(
    both.map((one) => one.status.then(({ code }) => ({ one, code }))),
  );
  assertEquals(loser.code, 1);
  assertMatch(loser.one.stderr, /Cannot control this experiment: pid \d+ /);
  const winner = both.find((one) => one !== loser.one);
  await winner?.saw(/p: starting → running/);
  assertEquals(lab.instances("p").length, 1);
});

Deno.test("a torn state file is not believed; the process is found all the same", async () => {
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", startSec: 0.1 } });
  const first = lab.run();
  await first.saw(/p: starting → running/);
  const one = await instanceOf(lab, "p");
  await killNow(first);
  const file = `${lab.state}/programs/p.json`;
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.slice(0, text.length / 2));
  const second = lab.run();
  await second.saw(/p: its state is not believed/);
  await second.saw(new RegExp(`p: found running \\(pid ${one?.pid}\\)`));
  await second.saw(/p: starting → running/);
  assertEquals(lab.instances("p").map(({ pid }) => pid), [one?.pid]);
});

Deno.test("--leave: the programs run on, and the next controller takes them up", async () => {
  await using lab = await Lab.create({ p: { cmd: "sleep 1000", startSec: 0.1 } });
  const first = lab.run("--leave");
  await first.saw(/p: starting → running/);
  const one = await instanceOf(lab, "p");
  first.signal("SIGTERM");
  assertEquals((await first.end()).code, 0);
  assertEquals(lab.instances("p").map(({ pid }) => pid), [one?.pid]);
  const second = lab.run();
  await second.saw(new RegExp(`p: adopted, pid ${one?.pid}\\b`));
  second.signal("SIGTERM");
  assertEquals((await second.end()).code, 0);
  assertEquals(lab.processes(), []);
});

Deno.test("the shell that holds a program is killed with it, or before it: it is started again", async () => {
  const keys = { cmd: "sleep 1000", startSec: 0.05, restartSec: 0.05 };
  await using lab = await Lab.create({ both: keys, shell: keys });
  /** Kills the shell, and its program with it, as `pkill -9 -f` does; nobody is left to tell. */
  async function killHeld(name: string, pidToo: boolean): Promise<number> {
    const [{ pid, parent } = { pid: 0, parent: 0 }] = lab.instances(name);
    assert(pid > 1 && parent > 1);
    Deno.kill(parent, "SIGKILL");
    if (pidToo) Deno.kill(pid, "SIGKILL");
    await until(() => readProcess(parent) === undefined, "the shell has not ended");
    return pid;
  }
  async function isBack(name: string, before: number): Promise<void> {
    const successor = () => lab.instances(name).filter(({ pid }) => pid !== before);
    await until(() => successor().length === 1, `${name} is not started again`, 10_000);
    await until(() => lab.instances(name).length === 1, `${name} is there twice`);
  }
  // First its own children, then those that it has taken up.
  for (let round = 0; round < 2; round++) {
    const run = lab.run();
    await run.saw(/both: (starting → running|adopted)/);
    await run.saw(/shell: (starting → running|adopted)/);
    await isBack("both", await killHeld("both", true));
    const orphan = await killHeld("shell", false);
    assertEquals(lab.instances("shell").map(({ pid }) => pid), [orphan]);
    Deno.kill(orphan, "SIGKILL");
    await isBack("shell", orphan);
    await run.saw(/shell: .*running → backoff/);
    await killNow(run);
  }
});

Deno.test("the state folder is removed under a controller: made again, nobody else gets in, programs are kept running", async () => {
  await using lab = await Lab.create({
    stays: { cmd: "sleep 1000", startSec: 0.1 },
    dies: { cmd: "sleep 1000", startSec: 0.1, restartSec: 0.1 },
  });
  await using first = lab.run();
  await first.saw(/dies: starting → running/);
  await first.saw(/stays: starting → running/);
  const stays = await instanceOf(lab, "stays");
  const dies = await instanceOf(lab, "dies");
  // Not at the first try if something is just being written there.
  await until(
    () => Deno.remove(lab.state, { recursive: true }).then(() => true, () => false),
    "it cannot be removed",
  );
  await first.saw(/alarm: state: .* was removed, and is made again/);
  Deno.kill(dies?.pid ?? 0, "SIGKILL");
  await first.saw(/dies: running → backoff \(ended by SIGKILL\)[^]*dies: starting → running/);
  // The lock is one again.
  const other = lab.run();
  assertEquals((await other.end()).code, 1);
  assert(other.stderr.includes(`pid ${first.pid}`), other.stderr);

  // And so is what the next one must know, also where the shell that holds a program is gone.
  await killNow(first);
  for (const { pid } of lab.processes()) {
    if (pid !== stays?.pid && startVariable(pid, "ABCD_NAME") === "stays") {
      Deno.kill(pid, "SIGKILL");
    }
  }
  await using second = lab.run();
  await second.saw(new RegExp(`stays: adopted, pid ${stays?.pid}\\b`));
  second.signal("SIGTERM");
  assertEquals((await second.end()).code, 0, second.stderr);
  assertEquals(lab.processes(), []);
});

Deno.test("a log is removed or moved under its program: an alarm until it is restarted; what nobody can read stays small", async () => {
  const maxBytes = 100_000;
  await using lab = await Lab.create({
    floods: {
      cmd: "while :; do head -c 20000 /dev/zero; sleep 0.05; done",
      shell: true,
      startSec: 0.05,
      log: { maxBytes, backups: 1 },
    },
    moved: { cmd: "while :; do echo word; sleep 0.05; done", shell: true, startSec: 0.05 },
  });
  await using hub = await TestHub.start();
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/floods: starting → running/);
  await until(() => lab.log("moved").length > 10 && lab.log("floods").length > 10, "no output");
  const folder = `${lab.state}/log`;
  for (const { name } of [...Deno.readDirSync(folder)]) {
    if (name.startsWith("floods")) Deno.removeSync(`${folder}/${name}`);
  }
  Deno.renameSync(`${folder}/moved.log`, `${folder}/moved.log-20261124`);
  await run.saw(/alarm: log of floods: its log was removed.*abcd restart floods/);
  await run.saw(/alarm: log of moved: it writes into .*moved.log-20261124/);
  const [{ pid } = { pid: 0 }] = lab.instances("floods");
  const sizes: number[] = [];
  // It grows by 400 kB in a second, and is looked at once in one.
  await until(() => {
    sizes.push(Deno.statSync(`/proc/${pid}/fd/1`).size);
    return sizes.some((size, i) => size < (sizes[i - 1] ?? 0));
  }, () => `it only grows: to ${sizes.at(-1)}`);
  const restarted = await runAbcd(["restart", "--all", ...hub.clientArgs]);
  assertEquals(restarted.code, 0, restarted.stderr);
  await run.saw(/alarm: log of floods: it can be read/);
  await run.saw(/alarm: log of moved: it can be read/);
  await until(() => lab.log("moved").length > 10 && lab.log("floods").length > 10, "no output");
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0);
});

Deno.test("the computer is restarted: all begins anew in its order, also what had done its work; what was stopped stays so", async () => {
  const work = {
    cmd: "echo set up >>$PWD/work; echo done",
    shell: true,
    restart: "no",
    startSec: 0.05,
  };
  await using lab = await Lab.create({
    daq: { cmd: "sleep 1000", startSec: 0.05, dependsOn: { setup: "completed" } },
    setup: work,
    byhand: { cmd: "sleep 1000", startSec: 0.05, autostart: false },
    hv: { cmd: "sleep 1000", startSec: 0.05 },
  });
  await using hub = await TestHub.start();
  await using first = lab.run(...hub.clientArgs);
  await first.saw(/daq: starting → running/);
  const stop = await runAbcd(["stop", "hv", ...hub.clientArgs]);
  assertEquals(stop.code, 0, stop.stderr);
  const start = await runAbcd(["start", "byhand", ...hub.clientArgs]);
  assertEquals(start.code, 0, start.stderr);
  await killNow(first);
  for (const { pid } of lab.processes()) Deno.kill(pid, "SIGKILL");
  await until(() => lab.processes().length === 0, "they live");
  for (const { name } of [...Deno.readDirSync(`${lab.state}/programs`)]) {
    const path = `${lab.state}/programs/${name}`;
    const found = decodeRecord(Deno.readTextFileSync(path));
    assert(found.kind === "record" && typeof found.record === "object", name);
    Deno.writeTextFileSync(path, encodeRecord({ ...found.record, boot: "the one before" }));
  }
  await using second = lab.run(...hub.clientArgs);
  await second.saw(/the computer was restarted: programs are started from the beginning/);
  await second.saw(/setup: waiting → starting[^]*setup: \w+ → exited[^]*daq: waiting → starting/);
  await second.saw(/byhand: starting → running/);
  assertEquals(lab.text("work"), "set up\nset up\n");
  const { stdout } = await runAbcd(["status", "hv", ...hub.clientArgs]);
  assert(/hv +○ stopped/.test(stdout), stdout);
  second.signal("SIGTERM");
  assertEquals((await second.end()).code, 0);
});
