import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { createLog } from "../log.ts";
import type { HostLink, RemoteEnd } from "./host_link_contract.ts";
import type { HostReport } from "./host_report.ts";
import { createRemoteRunner } from "./remote_runner.ts";
import { newMachine } from "../run/program_state.ts";
import { settingsText } from "../run/record.ts";

/** A runner of a program on a host that is there; what it was told, and the steps that it logged. */
function runnerOf() {
  const { programs: [program] } = parseExperiment(
    JSON.stringify({ run: { p: { cmd: "sleep 1", host: "daq2" } } }),
    "/lab/lab.jsonc",
  );
  if (program === undefined) throw new Error("there is no program");
  const steps: string[] = [];
  let end: RemoteEnd | undefined;
  let trouble: string | undefined;
  const link: HostLink = {
    host: "daq2",
    get trouble() {
      return trouble;
    },
    isFresh: false,
    refusal: undefined,
    add: (one) => void (end = one),
    remove() {},
    forget() {},
    send() {},
    tick() {},
    renew() {},
    lines: () => Promise.resolve({ lines: [], at: 0 }),
    release: () => Promise.resolve(),
    [Symbol.dispose]() {},
  };
  const runner = createRemoteRunner(program, {
    link,
    presence: {
      known: false,
      has: () => false,
      said: () => undefined,
      refresh() {},
      [Symbol.dispose]() {},
    },
    log: createLog({
      name: "run",
      write: (line) => steps.push(/ run: (.*)/.exec(line)?.[1] ?? line),
    }),
    now: () => 0,
    logPath: (name) => name,
    save() {},
    changed() {},
    verdict() {},
  });
  const report = (pid: number | undefined, more: Partial<HostReport> = {}) => {
    end?.reported({
      name: "p",
      state: "running",
      ready: false,
      since: 1,
      restarts: 0,
      order: 0,
      pid,
      ...more,
    });
    // What is true for a moment alone is over then.
    return Promise.resolve();
  };
  return {
    runner,
    report,
    steps: () => steps.splice(0),
    /** The host can be asked no more, or again. */
    away(why: string | undefined) {
      trouble = why;
      end?.linkChanged();
    },
    order: () => end?.order?.what,
    settings: settingsText(program),
  };
}

Deno.test("remote runner: a pid that comes later than the state is no restart", async () => {
  const { runner, report, steps } = runnerOf();
  await report(undefined);
  assertEquals(steps(), ["p: stopped → running on daq2 ()"]);
  await report(4711);
  await report(4711, { ready: true });
  assertEquals(steps(), ["p: ready on daq2"]);
  assertEquals([runner.machine.state, runner.machine.ready], ["running", true]);
});

Deno.test("remote runner: another pid is a restart, which others see; ready is told each time", async () => {
  const { runner, report, steps } = runnerOf();
  await report(4711, { ready: true });
  assertEquals(steps(), ["p: stopped → running on daq2 ()", "p: ready on daq2"]);
  await report(4712, { ready: true });
  assertEquals(steps(), [
    "p: running → starting on daq2 (it was restarted meanwhile)",
    "p: starting → running on daq2 ()",
    "p: ready on daq2",
  ]);
  assertEquals(runner.machine.ready, true);
});

Deno.test("remote runner: told to start while its host is away it may still run there, and is in no second place", async () => {
  const { runner, report, away, order, settings } = runnerOf();
  away("daq2 is away");
  runner.restore({
    version: 1,
    settings,
    machine: { ...newMachine(0), state: "running" },
    since: 1,
    closed: false,
    verdicts: [],
    remote: { intent: "up", after: "down" },
  });
  assertEquals([runner.machine.state, runner.mayRun], ["unreachable", true]);
  runner.fire({ type: "start" });
  assertEquals([runner.machine.state, runner.mayRun], ["unreachable", true]);
  // It had ended meanwhile: what it was told is done now.
  away(undefined);
  await report(undefined, { state: "exited" });
  assertEquals([runner.machine.state, runner.mayRun], ["waiting", false]);
  runner.fire({ type: "dependenciesHold" });
  assertEquals(order(), "start");
});
