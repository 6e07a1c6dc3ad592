// The table through a whole crash loop, on a clock that the test turns. No clock of the wall is
// anywhere in it, so a wall clock that is set by an hour cannot change a delay.

import { assertEquals } from "@std/assert";
import { type Machine, newMachine, type Policy, step } from "./program_state.ts";

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

/** Turns the clock on by millisecond until something but a tick would have to happen. */
function nextStart(machine: Machine, now: number): { machine: Machine; now: number } {
  while (machine.state === "backoff") {
    now++;
    machine = step(machine, { type: "tick" }, now, POLICY).machine;
  }
  return { machine, now };
}

Deno.test("crash loop: exact delays, then healthy, then from the beginning again", () => {
  let now = 5000;
  let machine = step(newMachine(now), { type: "start" }, now, POLICY).machine;
  machine = step(machine, { type: "dependenciesHold" }, now, POLICY).machine;
  const crash = (): number => {
    machine = step(machine, { type: "exited", code: 1 }, now, POLICY).machine;
    const begin = now;
    ({ machine, now } = nextStart(machine, now));
    return now - begin;
  };
  const delays = Array.from({ length: 8 }, crash);
  assertEquals(delays, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assertEquals([machine.state, machine.restarts], ["starting", 8]);

  // Healthy, but not for long enough: the back-off goes on where it was.
  const live = (ms: number) => {
    for (const end = now + ms; now < end;) {
      now++;
      machine = step(machine, { type: "tick" }, now, POLICY).machine;
    }
  };
  live(60_999);
  assertEquals([machine.state, machine.failedStarts], ["running", 0]);
  assertEquals(crash(), 30_000);
  live(1000 + 60_000);
  assertEquals(crash(), 1000);
  assertEquals(crash(), 2000);
});

Deno.test("a first delay longer than the longest is what was asked for", () => {
  const policy = { ...POLICY, restartSec: 60 };
  let machine = step(newMachine(0), { type: "start" }, 0, policy).machine;
  machine = step(machine, { type: "dependenciesHold" }, 0, policy).machine;
  machine = step(machine, { type: "exited", code: 1 }, 0, policy).machine;
  assertEquals(machine.deadline, 60_000);
});

Deno.test("one that hangs is started again at once; hanging again and again it has the back-off of a crash", () => {
  let now = 0;
  let machine = step(newMachine(now), { type: "start" }, now, POLICY).machine;
  machine = step(machine, { type: "dependenciesHold" }, now, POLICY).machine;
  const hang = (ranMs: number): number => {
    for (const end = now + ranMs; now < end;) {
      machine = step(machine, { type: "tick" }, ++now, POLICY).machine;
    }
    assertEquals(machine.state, "running");
    machine = step(machine, { type: "aliveFailed", reason: "no answer" }, now, POLICY).machine;
    machine = step(machine, { type: "groupGone" }, now, POLICY).machine;
    const begin = now;
    ({ machine, now } = nextStart(machine, now));
    assertEquals(machine.state, "starting");
    return now - begin;
  };
  assertEquals(Array.from({ length: 4 }, () => hang(5000)), [0, 2000, 4000, 8000]);
  assertEquals([machine.restarts, machine.failures], [4, 4]);
  assertEquals(hang(70_000), 0);
});
