import { assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/harness.ts";
import { NO_LOG } from "../log_contract.ts";
import { openRunBook } from "./run_book.ts";

Deno.test("a note behind the end of a run outlives that the end could not be written", async () => {
  await using folder = await temporaryFolder();
  const runFolder = `${folder.path}/runs`;
  const open = () =>
    openRunBook({
      experiment: "e",
      stateFolder: folder.path,
      runFolder,
      log: NO_LOG,
      changed() {},
    });
  {
    using book = open();
    const run = book.open({
      version: 1,
      label: "",
      experiment: "e",
      phase: "running",
      taints: [],
      begin: 1,
      startedBy: "somebody",
      participants: [],
      told: [],
      programs: {},
      notes: [],
      gaps: [],
      config: {},
      versions: {},
    });
    Deno.renameSync(runFolder, `${runFolder}.away`);
    Deno.writeTextFileSync(runFolder, "");
    book.change({ phase: "ended", verdict: "good" }, true);
    assertEquals(typeof book.problem, "string");
    Deno.removeSync(runFolder);
    Deno.renameSync(`${runFolder}.away`, runFolder);
    book.noteIn(book.record ?? run, { time: 2, by: "shifter", text: "the disk was away" });
    assertEquals(book.problem, undefined);
  }
  using book = open();
  assertEquals(book.record?.phase, "ended");
  assertEquals(book.record?.notes.map(({ text }) => text), ["the disk was away"]);
});
