import { assertEquals, assertNotEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { newMachine } from "./program_state.ts";
import {
  afterEnding,
  afterReboot,
  isLasting,
  parseRecord,
  parseSettings,
  type ProgramRecord,
  restoreMachine,
  settingsText,
} from "./record.ts";

function record(more: Partial<ProgramRecord>, machine: Partial<ProgramRecord["machine"]> = {}) {
  const base = { version: 1, settings: "{}", since: 1, closed: false, verdicts: [] } as const;
  return { ...base, machine: { ...newMachine(0), ...machine }, ...more };
}

Deno.test("settings that a program was started with: the same with a newer abcd, whatever it adds", () => {
  const text = `{"run": {"p": {"cmd": "x", "restartSec": 3, "ready": {"file": "up"}}}}`;
  const [program] = parseExperiment(text, "/lab.jsonc").programs;
  if (program === undefined) throw new Error("there is no program");
  const now = settingsText(program);
  const read = (text: string) => {
    const before = parseSettings(text);
    return before === undefined ? undefined : settingsText(before);
  };
  assertEquals(read(now), now);
  const kept: Record<string, unknown> = JSON.parse(now);
  // Keys without which it could not even be stopped are always there.
  const always = [
    "name",
    "argv",
    "cwd",
    "dependsOn",
    "stopSignal",
    "stopSec",
    "log",
    "successExitCodes",
  ];
  for (const key of Object.keys(kept)) {
    if (always.includes(key)) continue;
    const older = JSON.stringify({ ...kept, [key]: undefined });
    const isDefault = !["restartSec", "ready"].includes(key);
    if (isDefault) assertEquals(read(older), now, key);
    else assertNotEquals(read(older), now, key);
  }
  assertEquals(parseSettings("{}"), undefined);
  assertEquals(parseSettings("no"), undefined);
});

Deno.test("record: what somebody wanted off, and what a host was told, must outlast a power cut", () => {
  const remote = { intent: "up", after: "down" } as const;
  const lasting = (more: Partial<ProgramRecord>, machine: Partial<ProgramRecord["machine"]>) =>
    isLasting(record(more, machine));
  for (const state of ["stopped", "exited", "fatal"] as const) {
    assertEquals(lasting({}, { state }), true, state);
  }
  assertEquals(lasting({}, { state: "stopping", next: "stopped" }), true);
  assertEquals(lasting({}, { state: "stopping", next: "waiting" }), false);
  assertEquals(lasting({}, { state: "running" }), false);
  assertEquals(lasting({ closed: true }, { state: "running" }), true);
  assertEquals(lasting({ remote }, { state: "running" }), true);
});

Deno.test("record: after a restart of the computer all begins anew, but for what was off", () => {
  const after = (
    state: ProgramRecord["machine"]["state"],
    next: "stopped" | "waiting" = "stopped",
  ) => afterReboot(record({ boot: "a" }, { state, next }), "b");
  assertEquals([after("stopped"), after("stopping")], ["stopped", "stopped"]);
  assertEquals([after("stopping", "waiting"), after("running")], ["start", "start"]);
  assertEquals([after("backoff"), after("waiting")], ["start", "start"]);
  assertEquals([after("exited"), after("fatal")], ["as the file says", "as the file says"]);
  const running = record({ boot: "a" }, { state: "running" });
  // The same start of the computer, or one that cannot be told, or a program of another computer.
  assertEquals(afterReboot(running, "a"), undefined);
  assertEquals(afterReboot(running, ""), undefined);
  assertEquals(afterReboot(record({}, { state: "running" }), "b"), undefined);
});

Deno.test("record: who was killed while it ended all leaves what is started anew, but for what was off before", () => {
  const ended = (
    ending: boolean,
    machine: Partial<ProgramRecord["machine"]>,
    remote?: ProgramRecord["remote"],
    autostart = true,
  ) => {
    const kept = afterEnding(record({ ending, remote }, machine), autostart);
    return [kept.closed, kept.machine.next, kept.remote?.after];
  };
  assertEquals(ended(true, { state: "stopped" }), [true, "stopped", undefined]);
  assertEquals(ended(true, { state: "stopping" }), [false, "waiting", undefined]);
  assertEquals(ended(true, { state: "running" }), [false, "stopped", undefined]);
  assertEquals(ended(false, { state: "stopped" }), [false, "stopped", undefined]);
  assertEquals(ended(false, { state: "stopping" }), [false, "stopped", undefined]);
  // Only a person starts it.
  assertEquals(ended(true, { state: "stopping" }, undefined, false), [
    false,
    "stopped",
    undefined,
  ]);
  const off = { intent: "down", after: "down" } as const;
  const order = { what: "stop", number: 7 } as const;
  const state = "stopping" as const;
  assertEquals(ended(true, { state: "stopped" }, off), [true, "stopped", "down"]);
  assertEquals(ended(true, { state }, { ...off, order }), [false, "stopped", "waiting"]);
  assertEquals(ended(true, { state }, { ...off, order }, false), [false, "stopped", "down"]);
  assertEquals(ended(true, { state }, { ...off, intent: "up" }), [false, "stopped", "down"]);
  assertEquals(ended(false, { state }, { ...off, order }), [false, "stopped", "down"]);
});

Deno.test("record: is read as it was written, and a delay goes on with what was left of it", () => {
  const order = { what: "stop", number: 7 } as const;
  const kept: ProgramRecord = record({
    leftMs: 1500,
    ending: true,
    runId: "x",
    logFrom: -3,
    boot: "a",
    remote: { intent: "down", after: "waiting", order },
  }, { state: "backoff", deadline: 9, failures: 2 });
  const read = parseRecord(JSON.parse(JSON.stringify(kept)));
  assertEquals(read, kept);
  assertEquals(restoreMachine(kept, 100), { ...kept.machine, since: 100, deadline: 1600 });
  assertEquals(restoreMachine({ ...kept, leftMs: -5 }, 100).deadline, 100);
  assertEquals(restoreMachine({ ...kept, leftMs: undefined }, 100).deadline, undefined);
  for (
    const wrong of [
      { version: 2 },
      { machine: { ...kept.machine, state: "flying" } },
      { machine: { ...kept.machine, next: "flying" } },
      { machine: { ...kept.machine, restarts: "1" } },
      { since: "now" },
    ]
  ) {
    assertEquals(parseRecord(JSON.parse(JSON.stringify({ ...kept, ...wrong }))), undefined);
  }
});
