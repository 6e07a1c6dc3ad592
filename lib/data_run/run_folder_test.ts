import { assertEquals, assertThrows } from "@std/assert";
import { openRunFolder } from "./run_folder.ts";
import { machineOf, parseRunRecord, type RunRecord, summaryOf } from "./run_record.ts";

const RECORD: RunRecord = {
  version: 1,
  run: 17,
  label: "first light",
  experiment: "lab",
  phase: "running",
  taints: [],
  begin: 100,
  started: 101,
  startedBy: "somebody",
  participants: [{ program: "ccd1", order: 2, client: "ccd1" }],
  told: ["ccd1"],
  programs: { ccd1: { restarts: 1, ends: [{ time: 150, text: "exit code 3" }] } },
  notes: [{ time: 120, by: "somebody", text: "a note" }],
  gaps: [],
  config: { programs: [] },
  versions: { abcd: "1" },
};

Deno.test("records: written, found by number, read again; what is no record is told", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-runs-" });
  try {
    const runs = openRunFolder(`${path}/runs`);
    assertEquals([runs.numbers(), runs.load(17)], [[], { kind: "absent" }]);
    runs.save(RECORD, true);
    runs.save({ ...RECORD, run: 1_000_003 }, true);
    assertThrows(() => runs.save(RECORD, true), Deno.errors.AlreadyExists);
    runs.save({ ...RECORD, label: "other" });
    await Deno.writeTextFile(`${path}/runs/000009.json`, `{"run": 9`);
    await Deno.writeTextFile(`${path}/runs/notes.txt`, "");
    assertEquals(runs.numbers(), [9, 17, 1_000_003]);
    const found = runs.load(17);
    assertEquals(found, { kind: "record", record: { ...RECORD, label: "other" } });
    assertEquals(runs.load(9).kind, "torn");
    assertEquals([...Deno.readDirSync(`${path}/runs`)].length, 4, "nothing temporary is left");
    runs.touch(17);
    assertEquals(Math.abs((runs.touched(17) ?? 0) - Date.now() / 1000) < 60, true);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("records: a field of another type is no record", () => {
  const wrong = { run: "x", taints: [3], told: 3, programs: [], notes: [1], phase: "idle" };
  for (const [key, value] of Object.entries(wrong)) {
    assertEquals(parseRunRecord(JSON.stringify({ ...RECORD, [key]: value })), undefined, key);
  }
  assertEquals(parseRunRecord("null"), undefined);
  assertEquals(parseRunRecord(JSON.stringify(RECORD))?.run, 17);
});

Deno.test("records: the state in which a run was left, and its line", () => {
  const { phase, run } = machineOf(RECORD);
  assertEquals([phase, run?.told, run?.verdict], ["running", ["ccd1"], undefined]);
  assertEquals(machineOf({ ...RECORD, phase: "ended", verdict: "good" }), { phase: "idle" });
  const { notes, verdict } = summaryOf({ ...RECORD, phase: "ended", verdict: "good" });
  assertEquals([notes, verdict], [1, "good"]);
});
