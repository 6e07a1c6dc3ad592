import { assertEquals } from "@std/assert";
import { createAlarms } from "../status/alarms.ts";
import { ALARM_STARTS, type Machine, newMachine } from "./program_state.ts";
import type { Runner } from "./runner.ts";
import { tellTrouble } from "./tell_status.ts";

/** Tells of a program as it is; the alarms that come and go. */
function telling() {
  const told: string[] = [];
  const alarms = createAlarms(({ source, state, text }) =>
    told.push(`${source}: ${state}: ${text}`)
  );
  return (machine: Partial<Machine>, more: Partial<Runner> = {}) => {
    const runner = { program: { name: "hv" }, machine: { ...newMachine(0), ...machine }, ...more };
    tellTrouble(runner as Runner, alarms);
    return told.splice(0);
  };
}

Deno.test("trouble: what ends again and again is an alarm until it runs for long, or nobody wants it", () => {
  const tell = telling();
  const often = { failures: ALARM_STARTS, reason: "exit code 1" };
  assertEquals(tell({ ...often, state: "backoff", failures: ALARM_STARTS - 1 }), []);
  // Before its next end nobody says that it is in trouble, and then that it is not.
  assertEquals(tell({ ...often, state: "running" }), []);
  assertEquals(tell({ ...often, state: "backoff" }), [
    "hv: critical: 5 unexpected ends in a row, the last: exit code 1; it is tried on; abcd why hv",
  ]);
  assertEquals(tell({ ...often, state: "starting" }), []);
  assertEquals(tell({ ...often, state: "running" }), []);
  assertEquals(tell({ state: "running", failures: 0 }), ["hv: over: running"]);
  tell({ ...often, state: "backoff" });
  assertEquals(tell({ ...often, state: "stopped" }), ["hv: over: stopped"]);
});

Deno.test("trouble: given up, not to be stopped, and a log that nobody can read", () => {
  const tell = telling();
  assertEquals(tell({ state: "fatal", reason: "no such command" }), [
    "hv: critical: no such command; it is not tried again; when mended: abcd start hv",
  ]);
  assertEquals(tell({ state: "waiting" }), ["hv: over: waiting"]);
  assertEquals(tell({ state: "stopping" }, { unstoppable: "it hangs" }), [
    "hv: critical: cannot be stopped: it hangs",
  ]);
  assertEquals(tell({ state: "stopped" }), ["hv: over: stopped"]);
  assertEquals(tell({ state: "running" }, { lostLog: "its log was removed" }), [
    "log of hv: warning: its log was removed",
  ]);
  assertEquals(tell({ state: "running" }), ["log of hv: over: it can be read"]);
});
