// SIGHUP: what changed in the file is restarted, and nothing else is touched.

import { assert, assertEquals } from "@std/assert";
import { parseExperiment } from "../lib/experiment/experiment_file.ts";
import { until } from "./harness.ts";
import { Lab } from "./run_lab.ts";

const FOREVER = "while :; do sleep 0.05; done";

/** Another value for every key of a program. */
const CHANGES: Record<string, unknown> = {
  cmd: `: ; ${FOREVER}`,
  // The line is one word for "env" then, and no line for a shell.
  shell: false,
  cwd: "other",
  env: { A: "2" },
  autostart: false,
  dependsOn: { zero: "started" },
  withDependency: true,
  restart: "on-failure",
  successExitCodes: [0, 1],
  startSec: 0.06,
  restartSec: 0.06,
  restartMultiplier: 3,
  restartMaxSec: 31,
  restartResetSec: 61,
  startLimit: 7,
  ready: { file: "/" },
  alive: { file: "/" },
  stopSignal: "SIGINT",
  stopSec: 5,
  memoryMaxBytes: 1e12,
  log: { maxBytes: 1e6 },
};

/** Keys that concern data-taking runs alone: no program restarts for them. */
const FOR_RUNS: Record<string, unknown> = {
  runOrder: 3,
  required: true,
  essential: true,
  transitionSec: 7,
  config: { exposure: 10 },
};
/** Where a program runs, and in what: their tests are with those of hosts and of screen. */
const ELSEWHERE = ["host", "via", "screen"];

Deno.test("these tests know every key that a program can have", () => {
  let text = "";
  try {
    parseExperiment(`{"run": {"p": {"cmd": "x", "qqqqqqqqqqqqqq": 1}}}`, "/lab.jsonc");
  } catch (error) {
    text = error instanceof Error ? error.message : String(error);
  }
  const keys = (/expected one of (.*)$/.exec(text)?.[1] ?? "").split(", ");
  const known = [...Object.keys(CHANGES), ...Object.keys(FOR_RUNS), ...ELSEWHERE];
  assertEquals(keys.toSorted(), known.toSorted());
});

Deno.test("each key changed, one after the other: exactly that program restarts", async () => {
  const program: Record<string, unknown> = { cmd: FOREVER, shell: true, startSec: 0.05 };
  const names = ["zero", ...Object.keys(CHANGES)];
  const run: Record<string, Record<string, unknown>> = Object.fromEntries(
    names.map((name) => [name, program]),
  );
  run.shell = { ...program, cmd: "exec sleep 100000" };
  await using lab = await Lab.create(run);
  await Deno.mkdir(`${lab.path}/other`);
  await using controller = lab.run();
  const pids = () => {
    const all = lab.allInstances();
    return new Map(names.map((name) => [name, all.get(name) ?? []]));
  };
  for (const name of names) await controller.saw(new RegExp(`${name}: starting → running`));
  let before = pids();
  for (const [key, value] of Object.entries(CHANGES)) {
    run[key] = { ...run[key], [key]: value, ...(key === "shell" ? { cmd: "sleep 100000" } : {}) };
    lab.write(run);
    const seen = controller.stderr.length;
    controller.signal("SIGHUP");
    const since = () => controller.stderr.slice(seen);
    await until(() => since().includes(`reload: restarting: ${key}\n`), `${key}: no reload`);
    await until(() => since().includes(`${key}: starting → running`), `${key} does not run`);
    // What is alive may still be on its way to its own command.
    await until(() => pids().get(key)?.length, `${key} is not there`);
    const after = pids();
    for (const name of names) {
      assertEquals(after.get(name)?.length, 1, `${name} after ${key}`);
      const same = after.get(name)?.[0] === before.get(name)?.[0];
      assertEquals(same, name !== key, `${name} after ${key}`);
    }
    before = after;
  }
  // What concerns runs, the same file again, and a bad one, touch nothing.
  const some = names[1] ?? "";
  lab.write({ ...run, [some]: { ...run[some], ...FOR_RUNS } });
  controller.signal("SIGHUP");
  await controller.saw(/reload: from the next run: cmd/);
  controller.signal("SIGHUP");
  await controller.saw(/reload: nothing has changed/);
  // What concerns runs alone restarts nothing.
  run.zero = { ...run.zero, runOrder: 1, required: true, config: { gain: 2 } };
  lab.write(run);
  controller.signal("SIGHUP");
  await controller.saw(/reload: from the next run: zero/);
  await Deno.writeTextFile(`${lab.path}/lab.jsonc`, `{"run": {"zero": {"cmd": 3}}}`);
  controller.signal("SIGHUP");
  await controller.saw(/"cmd" of program zero is 3[^]*nothing is changed/);
  assertEquals(pids(), before);
  // One goes, one comes.
  const { cmd: _, ...rest } = run;
  lab.write({ ...rest, fresh: program });
  controller.signal("SIGHUP");
  await controller.saw(/reload: new: fresh; no longer there: cmd/);
  await controller.saw(/cmd: stopping → stopped/);
  await controller.saw(/fresh: starting → running/);
  assertEquals(lab.instances("cmd"), []);
  assert(lab.instances("fresh").length === 1);
});
