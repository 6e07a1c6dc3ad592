import { assertEquals } from "@std/assert";
import { NO_LOG } from "../log.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import type { ProgramState } from "../status/program_status.ts";
import { createController } from "./controller.ts";
import { afterChange, describeReload, describeRest } from "./reload.ts";
import { openStateFolder } from "./state_folder.ts";
import { until } from "../../tests/harness.ts";

const CASES: readonly [
  before: ProgramState,
  after: ProgramState,
  next: "stopped" | "waiting",
  what: ReturnType<typeof afterChange>,
][] = [
  ["running", "stopping", "waiting", "restarting"],
  ["exited", "waiting", "stopped", "restarting"],
  ["backoff", "waiting", "stopped", "restarting"],
  ["running", "unreachable", "waiting", "whenReached"],
  ["unreachable", "unreachable", "waiting", "whenReached"],
  ["stopped", "stopped", "stopped", "nextStart"],
  ["stopping", "stopping", "stopped", "nextStart"],
  ["stopping", "stopping", "waiting", "restarting"],
  ["waiting", "waiting", "stopped", "nextStart"],
];

for (const [before, after, next, what] of CASES) {
  Deno.test(`reload: ${before}, then ${after} → ${next}: ${what}`, () => {
    assertEquals(afterChange({ state: before }, { state: after, next }), what);
  });
}

Deno.test("reload: of the rest of the file it is said what holds now, and what does not", () => {
  const read = (text: string) => parseExperiment(text, "/lab/lab.jsonc");
  const before = read(`{"experiment": "lab", "run": {}}`);
  const rest = (text: string) => describeRest(before, read(text)).join("; ");
  assertEquals(rest(`{"run": {}}`), "", "the file's name");
  assertEquals(
    rest(`{"experiment": "lab2", "controller": "cold", "runs": {"folder": "r"}, "run": {}}`),
    '"experiment" stays "lab" here; as "lab2" the next abcd run would know nothing of these ' +
      "programs, and start them a second time: end this one before; " +
      '"controller" stays "run" until abcd run is started again; ' +
      'the "folder" of "runs" stays until abcd run is started again',
  );
  assertEquals(rest(`{"disk": {"warnBytes": "1 GB"}, "run": {}}`), "disks: as it says now");
});

Deno.test("reload: what is off is not said to restart, and stays off", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const read = (gain: string) => {
    const program = { cmd: "sleep 1000", startSec: 0, env: { gain } };
    const run = { hv: { ...program, autostart: false }, gas: program };
    return parseExperiment(JSON.stringify({ run }), `${path}/lab.jsonc`);
  };
  using folder = await openStateFolder(path, "test");
  const controller = createController({
    experiment: read("1"),
    log: NO_LOG,
    folder,
    logFolder: path,
  });
  try {
    const states = () => controller.status().programs.map(({ state }) => state);
    controller.start();
    await until(() => states()[1] === "running", () => `they are ${states()}`);
    const done = controller.reload(read("2"));
    assertEquals(describeReload(done), "restarting: gas; from the next start: hv");
    assertEquals(states()[0], "stopped");
  } finally {
    controller.kill();
    await controller.shutdown();
    await Deno.remove(path, { recursive: true });
  }
});
