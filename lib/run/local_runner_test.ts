import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { NO_LOG } from "../log.ts";
import type { Start, StartView } from "../process/start_contract.ts";
import { LOOKS_HERE } from "../process/look.ts";
import type { ProgramState } from "../status/program_status.ts";
import { createLocalRunner } from "./local_runner.ts";
import { newMachine } from "./program_state.ts";
import type { ProgramRecord } from "./record.ts";
import { settingsText } from "./record.ts";

/** A runner whose processes are the test's; what it does to them, and what it keeps. */
function lab(keys: object = {}) {
  const [program] = parseExperiment(
    JSON.stringify({ run: { p: { cmd: "sleep 1", stopSignal: "SIGINT", ...keys } } }),
    "/lab/lab.jsonc",
  ).programs;
  if (program === undefined) throw new Error("there is no program");
  const done: string[] = [];
  const views = new Map<string, StartView>();
  const startOf = (id: string): Start => ({
    id,
    pid: 4711,
    look: () => views.get(id) ?? { state: "alive", pid: 4711 },
    remember() {},
    hasGroup: () => false,
    signal: (signal) => (done.push(`${signal} to ${id}`), true),
    screenPid: undefined,
    trouble: undefined,
    shellEnded: new Promise(() => {}),
    tellsEnd: false,
  });
  const here = { is: false };
  let ids = 0;
  let ms = 0;
  const runner = createLocalRunner(program, {
    log: NO_LOG,
    now: () => ms,
    logPath: (name) => `/dev/null/${name}.log`,
    changed() {},
    verdict: (_, { text }) => void done.push(`said: ${text.split("; ")[0]}`),
    newId: () => `start ${++ids}`,
    basePath: (id) => id,
    presence: {
      known: true,
      has: () => here.is,
      said: () => undefined,
      refresh() {},
      [Symbol.dispose]() {},
    },
    launcher: {
      start: ({ id }) => (done.push(`spawn ${id}`), startOf(id)),
      adopt: (id) => (done.push(`adopt ${id}`), startOf(id)),
      forget: (id) => void done.push(`forget ${id}`),
      looks: LOOKS_HERE,
    },
    outOfMemory: { look() {}, judge: () => ({ outOfMemory: "yes" }) },
    command: ({ argv }) => argv,
    environment: () => ({}),
    save: (_, { machine: { state }, runId }) => void done.push(`keep ${state}, ${runId}`),
    over: (_, { id }) => void done.push(`over ${id}`),
  });
  return {
    runner,
    program,
    here,
    done: () => done.splice(0),
    end: (id: string, how: { code?: number; signal?: string }) =>
      void views.set(id, { state: "ended", ended: { ...how, coreDumped: false, pid: 4711 } }),
    pass: (sec: number) => void (ms += sec * 1000),
    record: (state: ProgramState, more: Partial<ProgramRecord> = {}): ProgramRecord => ({
      version: 1,
      settings: settingsText(program),
      machine: { ...newMachine(0), state },
      since: 1,
      runId: "start 0",
      closed: false,
      verdicts: [],
      ...more,
    }),
  };
}

Deno.test("local runner: what was to be stopped is told so again: the one before may have died before it was", () => {
  const { runner, record, done } = lab();
  runner.restore(record("stopping"));
  assertEquals(done(), ["adopt start 0", "SIGINT to start 0"]);
});

Deno.test("local runner: what runs is adopted and left alone; what is off, or was ended in order, is not looked for", () => {
  for (const state of ["starting", "running"] as const) {
    const { runner, record, done } = lab();
    runner.restore(record(state));
    assertEquals([runner.machine.state, done()], [state, ["adopt start 0"]]);
  }
  for (
    const [state, closed] of [["stopped", false], ["exited", false], ["running", true]] as const
  ) {
    const { runner, record, done } = lab();
    runner.restore(record(state, { closed }));
    assertEquals([runner.mayRun, done()], [false, []]);
  }
});

Deno.test("local runner: a start is kept before it is made, and the one before forgotten after", () => {
  const { runner, done, end, pass } = lab();
  runner.fire({ type: "start" });
  runner.fire({ type: "dependenciesHold" });
  assertEquals(done(), [
    "keep waiting, undefined",
    "keep starting, start 1",
    "spawn start 1",
    "keep starting, start 1",
  ]);
  end("start 1", { signal: "SIGKILL" });
  runner.look();
  assertEquals(runner.machine.reason, "ended by SIGKILL: out of memory");
  assertEquals(done(), [
    "keep backoff, start 1",
    "keep backoff, start 1",
    "said: ended by SIGKILL",
    "SIGKILL to start 1",
    "over start 1",
  ]);
  pass(1);
  runner.look();
  assertEquals(done(), [
    "keep starting, start 2",
    "spawn start 2",
    "forget start 1",
    "keep starting, start 2",
  ]);
});

Deno.test("local runner: what it is told to stop is no unexpected end, whatever it ends by", () => {
  const { runner, done, end } = lab();
  runner.fire({ type: "start" });
  runner.fire({ type: "dependenciesHold" });
  runner.fire({ type: "stop" });
  end("start 1", { signal: "SIGKILL" });
  done();
  runner.tick({ isPoll: true, isThere: () => false, processes: () => [] });
  assertEquals(runner.machine.state, "stopped");
  assertEquals(done().filter((one) => one.startsWith("said")), []);
});

Deno.test("local runner: with startSec 0, too, a start is ready by what it does, not by what the one before did", () => {
  const { runner, here, end } = lab({ startSec: 0, ready: { client: "p" } });
  const poll = () => runner.tick({ isPoll: true, isThere: () => true, processes: () => [] });
  runner.fire({ type: "start" });
  runner.fire({ type: "dependenciesHold" });
  here.is = true;
  poll();
  assertEquals([runner.machine.state, runner.machine.ready], ["running", true]);
  here.is = false;
  end("start 1", { code: 0 });
  runner.look();
  poll();
  assertEquals([runner.machine.restarts, runner.machine.state], [1, "running"]);
  assertEquals(runner.machine.ready, false);
  here.is = true;
  poll();
  assertEquals(runner.machine.ready, true);
});
