// Stopping: what ignores it, what hides from it, what happens at the same time.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../lib/client.ts";
import { readProcess } from "../lib/process/proc_fs.ts";
import { TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";

const FOREVER = "while :; do sleep 0.05; done";
const quick = { shell: true, startSec: 0.05, restartSec: 0.05 };

/** The time of the first line of a log that the pattern finds, in ms. */
function timeOf(log: string, pattern: RegExp): number {
  const line = log.split("\n").find((one) => pattern.test(one)) ?? "";
  return Date.parse(line.slice(0, 29).replace(" ", "T"));
}

Deno.test("what ignores SIGTERM is killed after stopSec, not before", async () => {
  await using lab = await Lab.create({
    deaf: { cmd: `trap "" TERM; ${FOREVER}`, ...quick, stopSec: 1.5 },
  });
  await using run = lab.run();
  await run.saw(/deaf: starting → running/);
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0);
  assert(run.stderr.includes("deaf: ended by SIGKILL"), run.stderr);
  const took = timeOf(run.stderr, /stopping → stopped/) - timeOf(run.stderr, /running → stopping/);
  assert(took >= 1500 && took < 10_000, `${took} ms`);
  assertEquals(lab.processes(), []);
});

Deno.test("the leader ends at once, a member of its group ignores it: stopped when all are gone", async () => {
  await using lab = await Lab.create({
    p: {
      cmd: `sh -c 'trap "" TERM; echo $$ >member; ${FOREVER}' & wait`,
      ...quick,
      stopSec: 1,
    },
  });
  await using run = lab.run();
  await run.saw(/p: starting → running/);
  const member = Number(await until(() => lab.text("member").trim(), "no member"));
  run.signal("SIGTERM");
  await run.saw(/p: ended by SIGTERM/);
  assert(!run.stderr.includes("stopping → stopped"), run.stderr);
  await run.saw(/p: stopping → stopped/);
  assertEquals(readProcess(member), undefined);
  assertEquals((await run.end()).code, 0);
});

Deno.test("what a shell with job control has started is in groups of its own: it is stopped with it, and after a crash", async () => {
  const job = `(trap "echo told >>told; exit" TERM; ${FOREVER}) & (trap "" TERM; ${FOREVER}) &`;
  await using lab = await Lab.create({
    p: {
      cmd: ["bash", "-c", `set -m; ${job} ${FOREVER}`],
      startSec: 0.05,
      restartSec: 0.05,
      stopSec: 0.5,
    },
  });
  await using run = lab.run();
  await run.saw(/p: starting → running/);
  const [leader] = lab.instances("p");
  const groups = () => new Set(lab.processes().map(({ group }) => group)).size;
  // The shell that holds it, the program, two jobs.
  await until(() => groups() >= 4, () => `${groups()} groups`);
  Deno.kill(leader?.pid ?? 0, "SIGKILL");
  await run.saw(/p: running → backoff[^]*p: starting → running/);
  const begun = new Set(lab.processes().map(({ session }) => session));
  assert(!begun.has(leader?.pid ?? 0), "jobs of the one that crashed run on");
  await until(() => groups() >= 4, () => `${groups()} groups`);
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0, run.stderr);
  assertEquals(lab.processes(), []);
  assertEquals(lab.text("told"), "told\n");
});

Deno.test("a grandchild in a session of its own that holds the output: the stop ends, and names it", async () => {
  await using lab = await Lab.create({
    p: { cmd: `setsid sh -c 'echo $$ >hidden; ${FOREVER}' & ${FOREVER}`, ...quick, stopSec: 1 },
  });
  await using run = lab.run();
  await run.saw(/p: starting → running/);
  const hidden = Number(await until(() => lab.text("hidden").trim(), "no grandchild"));
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0);
  assert(new RegExp(`p: has left pid ${hidden} \\(.*behind`).test(run.stderr), run.stderr);
  assert(readProcess(hidden) !== undefined);
});

Deno.test("a program that goes into the background is there once, and it is said what is wrong", async () => {
  await using lab = await Lab.create({
    p: {
      cmd: `setsid sh -c 'echo $$ >hidden; ${FOREVER}' & sleep 0.2`,
      shell: true,
      restartSec: 0.05,
    },
  });
  await using run = lab.run();
  await run.saw(/p: starting → fatal \(exit code 0 at once, but pid \d+ \(.*\) runs on/);
  const hidden = Number(lab.text("hidden"));
  await run.saw(new RegExp(`alarm: p: .*pid ${hidden} .*background`));
  assert(readProcess(hidden) !== undefined);
  run.signal("SIGTERM");
  assertEquals((await run.end()).code, 0);
});

Deno.test("two restarts at once, and a restart in a stop: one instance", async () => {
  await using lab = await Lab.create({ p: { cmd: FOREVER, ...quick } });
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  await run.saw(/p: starting → running/);
  const ask = (cmd: string) => client.request({ cmd, to: "run", programs: ["p"] });
  for (let i = 0; i < 5; i++) {
    await Promise.all([ask("restart"), ask("restart"), ask("stop"), ask("restart"), ask("start")]);
    assert(lab.instances("p").length <= 1);
    await until(
      async () => JSON.stringify(await ask("status")).includes(`"state":"running"`),
      "it does not run",
    );
    assertEquals(lab.instances("p").length, 1);
  }
});

Deno.test("stop, restart and reload of a program that waits for another", async () => {
  const first = { cmd: FOREVER, ...quick, ready: { file: "go" } };
  const second = { cmd: FOREVER, ...quick, dependsOn: { first: "ready" } };
  await using lab = await Lab.create({ first, second });
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  await run.saw(/first: starting → running/);
  const ask = (cmd: string) => client.request({ cmd, to: "run", programs: ["second"] });
  const state = async () => JSON.stringify((await ask("status")).programs);
  const status = await state();
  assert(/"state":"waiting".*"reason":"waits for first to be ready"/.test(status), status);
  await ask("stop");
  assert((await state()).includes(`"state":"stopped"`));
  await ask("start");
  await ask("restart");
  assert((await state()).includes(`"state":"waiting"`));
  // The reload takes away what it waits for; it alone is touched.
  const [before] = lab.instances("first");
  lab.write({ first, second: { ...second, dependsOn: {} } });
  run.signal("SIGHUP");
  await run.saw(/reload: from the next start: second\n/);
  await run.saw(/second: starting → running/);
  assertEquals(lab.instances("first").map(({ pid }) => pid), [before?.pid]);
  assertEquals(lab.instances("second").length, 1);
});
