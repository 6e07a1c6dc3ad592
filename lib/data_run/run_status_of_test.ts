import { assertEquals } from "@std/assert";
import type { RunRecord } from "./run_record.ts";
import type { OpenRun } from "./run_state.ts";
import { runStatusOf } from "./run_status_of.ts";

const RECORD: RunRecord = {
  version: 1,
  run: 7,
  label: "dark",
  experiment: "lab",
  phase: "ended",
  verdict: "interrupted",
  reason: "hv is lost",
  taints: ["ccd1: ended by SIGSEGV"],
  begin: 100,
  end: 200,
  startedBy: "shift",
  forSec: 3600,
  repeat: true,
  participants: [],
  told: [],
  programs: {},
  notes: [],
  gaps: [],
  config: {},
  versions: {},
};

const OPEN: OpenRun = {
  number: 7,
  participants: [],
  told: [],
  left: [],
  waiting: ["ccd1"],
  taints: ["webcam: told to restart"],
};

Deno.test("status of runs: there was none", () => {
  assertEquals(runStatusOf({ phase: "idle" }, undefined), { phase: "idle" });
});

Deno.test("status of runs: of the last one what its record says", () => {
  const { phase, number, label, begin, end, verdict, reason, forSec, repeat, waiting } =
    runStatusOf({ phase: "idle" }, RECORD);
  assertEquals([phase, number, label, begin, end], ["idle", 7, "dark", 100, 200]);
  assertEquals([verdict, reason, forSec, repeat], ["interrupted", "hv is lost", 3600, true]);
  assertEquals(waiting, undefined);
});

Deno.test("status of runs: of the open one what it would be if it ended now, and who has not answered", () => {
  const { phase, verdict, reason, waiting } = runStatusOf({ phase: "running", run: OPEN }, RECORD);
  assertEquals([phase, verdict, waiting], ["running", "tainted", ["ccd1"]]);
  assertEquals(reason, "webcam: told to restart");
  const good = runStatusOf({ phase: "running", run: { ...OPEN, taints: [] } }, RECORD);
  assertEquals([good.verdict, good.reason], ["good", undefined]);
});
