import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeRun, recordLines, runLines, runTitle, safeTitle } from "./run_text.ts";

Deno.test("the title: what run there is, how long, what it is worth so far", () => {
  assertEquals(runTitle(undefined, 0), "");
  assertEquals(runTitle({ phase: "idle" }, 0), "no run");
  const last = { phase: "idle", number: 3, verdict: "good" } as const;
  assertEquals(runTitle(last, 0), "no run (last: 3 good)");
  const run = { phase: "running", number: 4, label: "dark", begin: 100, verdict: "good" } as const;
  assertEquals(runTitle(run, 400), 'run 4 "dark" 5m00s good');
  const long = { ...run, label: "x".repeat(200) };
  assertEquals(runTitle(long, 400), `run 4 "${"x".repeat(23)}…" 5m00s good`);
  assertEquals(runTitle({ ...run, forSec: 7200 }, 400), 'run 4 "dark" 5m00s of 2h00m good');
  const next = "no run (last: 3 good, the next one follows)";
  assertEquals(runTitle({ ...last, repeat: true }, 0), next);
  const starting = { phase: "starting", number: 4, begin: 1, waiting: ["logger"] } as const;
  assertEquals(runTitle(starting, 1), "run 4 starting, waits for logger");
  assertEquals(safeTitle({ reason: "smoke", since: 1 }), "■ SAFE: smoke");
});

Deno.test("a run in a sentence", () => {
  const ended = {
    phase: "idle",
    number: 3,
    verdict: "tainted",
    reason: "hv: exit code 3",
  } as const;
  assertEquals(describeRun(ended), "run 3 has ended: tainted (hv: exit code 3)");
  assertEquals(describeRun({ phase: "running", number: 3, verdict: "good" }), "run 3 is running");
});

Deno.test("the list of runs", () => {
  const one = { begin: 0, end: 60, phase: "ended", verdict: "good", notes: 0 } as const;
  const lines = runLines([
    { ...one, run: 9, label: "a label that is far too long to be shown" },
    { ...one, run: 10, label: "", verdict: "aborted", reason: "no", notes: 2 },
    { ...one, run: 11, label: "", end: undefined, phase: "running", verdict: undefined },
  ], 90).map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, "T").replace(/ +/g, " "));
  assertEquals(lines, [
    "RUN LABEL BEGIN LENGTH VERDICT NOTES WHY",
    " 9 a label that is far too long … T 1m00s good",
    " 10 T 1m00s aborted 2 no",
    " 11 T 1m30s running",
  ]);
});

Deno.test("one run: what became of its programs, of those too that only were not heard", () => {
  const ends = [{ time: 0, text: "daq2 has left the hub" }];
  const lines = recordLines({
    version: 1,
    run: 3,
    label: "dark",
    experiment: "lab",
    phase: "ended",
    verdict: "tainted",
    begin: 0,
    startedBy: "ana",
    end: 60,
    participants: [],
    taints: [],
    gaps: [],
    programs: { hv: { restarts: 0, ends }, ccd: { restarts: 1, ends: [...ends, ...ends] } },
    notes: [],
    told: [],
    config: {},
    versions: {},
  }, 60).join("\n").replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "T");
  assertStringIncludes(
    lines,
    "Programs that ended, or were not heard any more:\n  hv: 1 end, 0 restarts\n" +
      "    T  daq2 has left the hub\n  ccd: 2 ends, 1 restart\n",
  );
});
