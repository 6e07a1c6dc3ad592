import { assertEquals } from "@std/assert";
import { type Machine, newMachine, type Policy, type ProgramEvent, step } from "./program_state.ts";
import type { ProgramState } from "../status/program_status.ts";

const POLICY: Policy = {
  restart: "always",
  successExitCodes: [0],
  startSec: 1,
  restartSec: 1,
  restartMultiplier: 2,
  restartMaxSec: 30,
  restartResetSec: 60,
  startLimit: 0,
  stopSignal: "SIGTERM",
  stopSec: 10,
};

function at(state: ProgramState, more: Partial<Machine> = {}): Machine {
  return { ...newMachine(0), state, ...more };
}

const EXIT_0: ProgramEvent = { type: "exited", code: 0 };
const EXIT_3: ProgramEvent = { type: "exited", code: 3 };
const tick: ProgramEvent = { type: "tick" };

/** What a step does, in short: `state` and the actions. */
function go(
  machine: Machine,
  event: ProgramEvent,
  policy: Partial<Policy> = {},
  now = 5000,
): string {
  const { machine: after, actions } = step(machine, event, now, { ...POLICY, ...policy });
  const done = actions.map((a) => a.type === "signal" ? a.signal : a.type);
  return [after.state, ...done].join(" ");
}

const EDGES: [string, Machine, ProgramEvent, string, Partial<Policy>?][] = [
  ["stopped, start", at("stopped"), { type: "start" }, "waiting"],
  ["stopped, restart", at("stopped"), { type: "restart" }, "waiting"],
  ["stopped, stop", at("stopped"), { type: "stop" }, "stopped"],
  ["exited, start", at("exited"), { type: "start" }, "waiting"],
  ["fatal, start", at("fatal"), { type: "start" }, "waiting"],
  ["exited, stop", at("exited"), { type: "stop" }, "stopped"],
  ["fatal, stop", at("fatal"), { type: "stop" }, "stopped"],
  ["waiting, dependencies", at("waiting"), { type: "dependenciesHold" }, "starting spawn"],
  ["waiting, stop", at("waiting"), { type: "stop" }, "stopped"],
  ["starting, early tick", at("starting", { deadline: 5001 }), tick, "starting"],
  ["starting, tick", at("starting", { deadline: 5000 }), tick, "running"],
  ["starting, exit 0", at("starting"), EXIT_0, "backoff SIGKILL"],
  ["starting, exit 0, runs on", at("starting"), { ...EXIT_0, left: "pid 7" }, "fatal SIGKILL"],
  ["starting, exit 3, left some", at("starting"), { ...EXIT_3, left: "pid 7" }, "backoff SIGKILL"],
  ["starting, exit 3", at("starting"), EXIT_3, "backoff SIGKILL"],
  ["starting, exit 0, no", at("starting"), EXIT_0, "exited SIGKILL", { restart: "no" }],
  ["starting, last try", at("starting", { failedStarts: 2 }), EXIT_3, "fatal SIGKILL alarm", {
    startLimit: 3,
  }],
  ["starting, fifth try", at("starting", { failedStarts: 4 }), EXIT_3, "backoff SIGKILL alarm"],
  [
    "starting, no such command",
    at("starting"),
    { type: "spawnFailed", reason: "", missing: true },
    "fatal",
  ],
  [
    "starting, cannot spawn",
    at("starting"),
    { type: "spawnFailed", reason: "", missing: false },
    "backoff",
  ],
  ["starting, stop", at("starting"), { type: "stop" }, "stopping SIGTERM"],
  ["running, exit 0", at("running"), EXIT_0, "starting SIGKILL spawn"],
  ["running, exit 3", at("running"), EXIT_3, "backoff SIGKILL"],
  ["running, exit 0, on-failure", at("running"), EXIT_0, "exited SIGKILL", {
    restart: "on-failure",
  }],
  ["running, exit 3, on-failure", at("running"), EXIT_3, "backoff SIGKILL", {
    restart: "on-failure",
  }],
  ["running, exit 3, no", at("running"), EXIT_3, "exited SIGKILL", { restart: "no" }],
  ["running, exit 3 is good", at("running"), EXIT_3, "starting SIGKILL spawn", {
    successExitCodes: [3],
  }],
  ["running, stop", at("running"), { type: "stop" }, "stopping SIGINT", { stopSignal: "SIGINT" }],
  ["running, restart", at("running"), { type: "restart" }, "stopping SIGTERM"],
  ["running, kill", at("running"), { type: "kill" }, "stopping SIGKILL"],
  [
    "running, not alive",
    at("running"),
    { type: "aliveFailed", reason: "" },
    "stopping SIGTERM",
  ],
  ["backoff, early tick", at("backoff", { deadline: 5001 }), tick, "backoff"],
  ["backoff, tick", at("backoff", { deadline: 5000 }), tick, "starting spawn"],
  ["backoff, stop", at("backoff"), { type: "stop" }, "stopped"],
  ["backoff, start", at("backoff"), { type: "start" }, "waiting"],
  ["stopping, gone", at("stopping"), { type: "groupGone" }, "stopped"],
  [
    "stopping, gone, restart",
    at("stopping", { next: "waiting" }),
    { type: "groupGone" },
    "waiting",
  ],
  [
    "stopping, gone, not alive",
    at("stopping", { next: "starting" }),
    { type: "groupGone" },
    "starting spawn",
  ],
  [
    "stopping, gone, not alive again",
    at("stopping", { next: "starting", failures: 2 }),
    { type: "groupGone" },
    "backoff",
  ],
  ["stopping, late", at("stopping", { deadline: 5000 }), tick, "stopping SIGKILL"],
  ["stopping, kill", at("stopping"), { type: "kill" }, "stopping SIGKILL"],
  ["stopping, exit", at("stopping"), EXIT_3, "stopping"],
];

for (const [name, machine, event, expected, policy] of EDGES) {
  Deno.test(`step: ${name} → ${expected}`, () =>
    assertEquals(go(machine, event, policy), expected));
}

Deno.test("step: the back-off doubles up to its most, and is reset by a long run", () => {
  let machine = at("running");
  const delays: number[] = [];
  for (let i = 0; i < 7; i++) {
    machine = step({ ...machine, state: "running" }, EXIT_3, 0, POLICY).machine;
    delays.push((machine.deadline ?? 0) / 1000);
  }
  assertEquals(delays, [1, 2, 4, 8, 16, 30, 30]);
  const long = step({ ...machine, state: "running", deadline: 60_000 }, tick, 60_000, POLICY);
  assertEquals(long.machine.failures, 0);
});

Deno.test("step: ready is a flag of running, and goes with it", () => {
  const ready = step(at("running"), { type: "readyHolds" }, 0, POLICY).machine;
  assertEquals([ready.state, ready.ready], ["running", true]);
  assertEquals(step(ready, { type: "stop" }, 0, POLICY).machine.ready, false);
  assertEquals(step(at("starting"), { type: "readyHolds" }, 0, POLICY).machine.ready, false);
});
