// SIGKILL of the controller in each phase of a run, and again and again at any moment; numbers that
// are damaged; a disk that is full.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { seeded } from "../lib/sim/random.ts";
import { after, runAbcd, until } from "./harness.ts";
import { killNow } from "./run_lab.ts";
import { RunLab, SLEEPS } from "./run_actor.ts";
import { mountSmall } from "./small_disk.ts";

const PATIENT = { ...SLEEPS, transitionSec: 600 };
const TWO = { logger: { ...PATIENT, runOrder: 1 }, ccd1: { ...PATIENT, runOrder: 2 } };

/** An answer that may never come: who was to give it is killed. */
function mayFail(answer: Promise<unknown>): void {
  answer.catch(() => {});
}

Deno.test("runs: the controller is killed while a run starts: aborted, and those told are told so", async () => {
  await using lab = await RunLab.create(TWO);
  const logger = await lab.actor("logger");
  const ccd1 = await lab.actor("ccd1", "silent");
  await using first = await lab.run("logger", "ccd1");
  mayFail(lab.ask("start-run"));
  await until(() => ccd1.told.length === 1, "ccd1 is told");
  await killNow(first);
  assertEquals(lab.record(1).phase, "starting");
  ccd1.manner = "yes";
  await using second = await lab.run("logger", "ccd1");
  await second.saw(/run 1 has ended: aborted/);
  assertEquals(lab.told.slice(2), ["ccd1: run-stop 1 aborted", "logger: run-stop 1 aborted"]);
  assertStringIncludes(lab.record(1).reason ?? "", "while the run was being started");
  assertEquals((await lab.ask("start-run")).number, 2);
  assertEquals(logger.told.at(-1), "run-start 2");
  second.signal("SIGTERM");
  await second.end();
});

Deno.test("runs: the controller is killed in a run: it goes on, the record tells of the gap and of what died", async () => {
  await using lab = await RunLab.create(TWO);
  const ccd1 = await lab.actor("ccd1");
  await lab.actor("logger");
  await using first = await lab.run("logger", "ccd1");
  await lab.ask("start-run", { label: "long" });
  const { begin } = lab.record(1);
  await killNow(first);
  Deno.kill(await lab.pidOf("ccd1"), "SIGKILL");
  await using second = await lab.run("logger");
  await until(() => ccd1.told.length === 2, "ccd1 is told again");
  assertEquals(ccd1.told[1], "run-start 1 again");
  const status = await lab.ask("status");
  assertStringIncludes(JSON.stringify(status.run), `"verdict":"tainted"`);
  await lab.ask("stop-run");
  const { verdict, taints, gaps, label, programs } = lab.record(1);
  assertEquals([verdict, label, gaps.length], ["tainted", "long", 1]);
  assertEquals(taints, ["ccd1: ended by SIGKILL"]);
  assertEquals(programs.ccd1?.restarts, 1);
  const { from = 0, to = 0 } = gaps[0] ?? {};
  assert(from >= begin && to > from, `${begin} ${from} ${to}`);
  second.signal("SIGTERM");
  await second.end();
});

Deno.test("runs: the controller is killed while a run stops: the stop is told anew, to its end", async () => {
  await using lab = await RunLab.create(TWO);
  const ccd1 = await lab.actor("ccd1");
  const logger = await lab.actor("logger");
  await using first = await lab.run("logger", "ccd1");
  await lab.ask("start-run");
  logger.manner = "silent";
  mayFail(lab.ask("stop-run"));
  await until(() => logger.told.length === 2, "the logger is told");
  await killNow(first);
  assertEquals(lab.record(1).phase, "stopping");
  logger.manner = "yes";
  await using second = await lab.run("logger", "ccd1");
  await second.saw(/run 1 has ended: good/);
  const stop = "run-stop 1 good";
  assertEquals([ccd1.told, logger.told], [["run-start 1", stop, stop], [
    "run-start 1",
    stop,
    stop,
  ]]);
  second.signal("SIGTERM");
  await second.end();
});

Deno.test("runs: an essential program dies, and the controller before it is written down: safe", async () => {
  await using lab = await RunLab.create({
    cryo: { ...SLEEPS, essential: true, restartSec: 30 },
    ccd1: { ...PATIENT, runOrder: 2 },
  });
  const ccd1 = await lab.actor("ccd1");
  await using first = await lab.run("cryo", "ccd1");
  await lab.ask("start-run");
  const path = `${lab.lab.state}/runs/000001.json`;
  const before = await Deno.readTextFile(path);
  Deno.kill(await lab.pidOf("cryo"), "SIGKILL");
  await first.saw(/run 1 has ended: interrupted/);
  await killNow(first);
  // As it was a moment earlier: the program's end is kept, what it means is not.
  await Deno.writeTextFile(path, before);
  await Deno.remove(`${lab.lab.state}/safe`);
  ccd1.told.length = 0;
  await using second = await lab.run("ccd1");
  await second.saw(/run 1 has ended: interrupted/);
  assertEquals(ccd1.told.toSorted(), ["run-stop 1 interrupted", "safe"]);
  assertStringIncludes(
    lab.record(1).reason ?? "",
    "cryo, which is essential, is lost: backoff when the controller came back",
  );
  second.signal("SIGTERM");
  await second.end();
});

Deno.test("runs: one after the other by themselves, whatever is killed, until somebody stops it", async () => {
  await using lab = await RunLab.create(TWO);
  const ccd1 = await lab.actor("ccd1");
  await lab.actor("logger");
  await using first = await lab.run("logger", "ccd1");
  const start = { label: "night", forSec: 0.4, repeat: true };
  assertEquals((await lab.ask("start-run", { repeat: true })).error, `"repeat" needs "forSec"`);
  assertEquals((await lab.ask("start-run", start)).number, 1);
  await until(() => ccd1.told.includes("run-start 3"), "no run follows");
  assertEquals(ccd1.told.slice(0, 4), [
    "run-start 1",
    "run-stop 1 good",
    "run-start 2",
    "run-stop 2 good",
  ]);
  const { verdict, stoppedBy, label, forSec } = lab.record(2);
  assertEquals([verdict, stoppedBy, label, forSec], [
    "good",
    "the end of its time",
    "night",
    0.4,
  ]);
  await killNow(first);
  await using second = await lab.run("logger", "ccd1");
  await until(() => ccd1.told.includes("run-start 5"), "it does not go on");
  // A start that fails is an alarm, and tried again.
  ccd1.manner = "no";
  await second.saw(/alarm: next run: no run follows run \d+ yet: ccd1: run-start: the lid is open/);
  const status = await lab.ask("status");
  assertStringIncludes(JSON.stringify(status.run), `"repeat":true`);
  ccd1.manner = "yes";
  await lab.ask("stop-run");
  await second.saw(/alarm: next run: over/);
  assertEquals((await lab.ask("stop-run")).error, "there is no run");
  // What is interrupted is followed by none.
  await lab.ask("start-run", { ...start, forSec: 60 });
  await lab.ask("make-safe", { reason: "smoke" });
  await second.saw(/alarm: next run: no run follows run \d+: it was interrupted \(smoke\)/);
  second.signal("SIGTERM");
  await second.end();
});

Deno.test("runs: the computer was restarted: interrupted when somebody last looked after it", async () => {
  await using lab = await RunLab.create({});
  await using first = await lab.run();
  await lab.ask("start-run");
  await killNow(first);
  const path = `${lab.lab.state}/runs/000001.json`;
  await Deno.writeTextFile(path, JSON.stringify({ ...lab.record(1), bootId: "another" }));
  const seen = lab.record(1).begin + 3600;
  await Deno.utime(path, seen, seen);
  await using second = await lab.run();
  await second.saw(/run 1 has ended: interrupted \(the computer was restarted\)/);
  await until(() => lab.record(1).end === seen, "its end is not when it was seen last");
  second.signal("SIGTERM");
  await second.end();
});

const ROUNDS = Number(Deno.env.get("ABCD_RUN_ROUNDS") ?? 8);
const SEED = Number(Deno.env.get("ABCD_RUN_SEED") ?? 1);

Deno.test("runs: no number is given twice, whatever is killed, torn or deleted", async () => {
  const random = seeded(SEED);
  await using lab = await RunLab.create({ logger: { ...PATIENT, runOrder: 1 } });
  const logger = await lab.actor("logger");
  const damage = [
    () => Deno.truncateSync(`${lab.lab.state}/run-number`, Math.floor(random() * 20)),
    () => Deno.truncateSync(`${lab.lab.state}/run-number.copy`, Math.floor(random() * 20)),
    () => Deno.removeSync(`${lab.lab.state}/run-number`),
    () => {
      Deno.removeSync(`${lab.lab.state}/runs`, { recursive: true });
      for (const run of starts()) forgotten.add(run);
    },
    () => {},
  ];
  /** Nobody can know that these were open: their records were deleted. */
  const forgotten = new Set<number>();
  const starts = () =>
    logger.told.flatMap((words) => /^run-start (\d+)$/.exec(words)?.[1] ?? []).map(Number);
  for (let round = 0; round < ROUNDS; round++) {
    const run = await lab.run("logger");
    await lab.ask("stop-run");
    const before = starts().length;
    let refusal = "";
    const start = (fields: object) =>
      lab.ask("start-run", fields).then(({ error = "" }) => refusal = String(error), () => {});
    start({});
    if (random() < 0.5) await after(random() * 30);
    else await until(() => starts().length > before || refusal !== "", "it is told");
    if (refusal.includes("cannot be read")) {
      // Both copies are torn by now: a person says how it goes on.
      refusal = "";
      start({ number: Math.max(...starts()) + 1 });
      await until(() => starts().length > before || refusal !== "", "it is told");
    }
    assertEquals(refusal, "", `round ${round}, seed ${SEED}`);
    if (random() < 0.3) mayFail(lab.ask("stop-run"));
    await killNow(run);
    await lab.client.flush();
    try {
      damage[Math.floor(random() * damage.length)]?.();
    } catch {
      // not there yet
    }
    const told = starts();
    const sorted = told.toSorted((a, b) => a - b);
    assertEquals(told, [...new Set(sorted)], `round ${round}, seed ${SEED}`);
  }
  assert(starts().length > ROUNDS / 4, `${starts()} are too few`);
  // Whoever was told of a start is told of its end before the next one.
  let open: number | undefined;
  for (const words of logger.told) {
    const [, cmd, number] = /^(\S+) (\d+)/.exec(words) ?? [];
    if (cmd === "run-stop" && Number(number) === open) open = undefined;
    if (cmd !== "run-start") continue;
    assert(open === undefined || forgotten.has(open), `${open} has no end: ${logger.told}`);
    open = Number(number);
  }
});

Deno.test("runs: both copies of the number torn: refused, until somebody gives one", async () => {
  await using lab = await RunLab.create({});
  await using run = await lab.run();
  assertEquals((await lab.ask("start-run", { number: 41 })).number, 41);
  await lab.ask("stop-run");
  for (const name of ["run-number", "run-number.copy"]) {
    await Deno.writeTextFile(`${lab.lab.state}/${name}`, "");
  }
  const { error } = await lab.ask("start-run");
  assertStringIncludes(
    String(error),
    "the last record is of run 41. Give the number: abcd start-run",
  );
  assertStringIncludes(String((await lab.ask("start-run", { number: 41 })).error), "given before");
  assertEquals((await lab.ask("start-run", { number: 50 })).number, 50);
  await lab.ask("stop-run");
  assertEquals((await lab.ask("start-run")).number, 51);
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: whether it is safe cannot be read: it is", async () => {
  await using lab = await RunLab.create({});
  await Deno.mkdir(lab.lab.state, { recursive: true });
  await Deno.writeTextFile(`${lab.lab.state}/safe`, "half a");
  await using run = await lab.run();
  assertStringIncludes(String((await lab.ask("start-run")).error), "cannot be read");
  await lab.ask("leave-safe");
  assertEquals((await lab.ask("start-run")).number, 1);
  run.signal("SIGTERM");
  await run.end();
});

Deno.test("runs: a full disk refuses a start; in a run the record is kept until there is room", async () => {
  await using lab = await RunLab.create({}, { runs: { folder: "records" } });
  const folder = `${lab.lab.path}/records`;
  await using disk = await mountSmall(folder);
  if (disk === undefined) return; // not allowed to
  await using run = await lab.run();
  const record = (run: number) => lab.lab.text(`records/${String(run).padStart(6, "0")}.json`);
  await disk.fill();
  const full = await lab.ask("start-run");
  assertStringIncludes(String(full.error), `Cannot write ${folder}/000001.json`);
  await disk.free();
  // The number was given already, and is not given again.
  assertEquals((await lab.ask("start-run")).number, 2);
  await disk.fill();
  await lab.ask("note", { text: "x".repeat(2000) });
  const note = await lab.ask("note", { text: "the last one" });
  assertStringIncludes(String(note.problem), "Cannot write");
  const said = await runAbcd(["note", "and one more", ...lab.hub.clientArgs]);
  assertEquals(said.code, 1, said.stdout);
  assertStringIncludes(said.stderr, "The note is in run 2, and not on the disk: Cannot write");
  const { alarms } = await lab.ask("status");
  assertStringIncludes(JSON.stringify(alarms), `"source":"runs","state":"critical"`);
  assertEquals((await lab.ask("stop-run")).verdict, "good");
  assertStringIncludes(String((await lab.ask("start-run")).error), "Cannot write");
  assertStringIncludes(record(2), `"phase": "running"`);
  await disk.free();
  await until(() => record(2).includes(`"verdict": "good"`), "it is written when there is room");
  assertStringIncludes(record(2), "the last one");
  assertStringIncludes(record(2), "and one more");
  assertEquals((await lab.ask("start-run")).number, 3);
  run.signal("SIGTERM");
  await run.end();
});
