import { assertEquals, assertMatch } from "@std/assert";
import { createLog } from "../log.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { newMachine } from "../run/program_state.ts";
import { settingsText } from "../run/record.ts";
import { openStateFolder } from "../run/state_folder.ts";
import {
  keptExperiment,
  keptInRecords,
  type KeptOrders,
  ORDERS_FILE,
  readKept,
  writeKept,
} from "./kept_orders.ts";

/** A folder, and what is said. */
async function lab() {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const said: string[] = [];
  return {
    path,
    file: `${path}/${ORDERS_FILE}`,
    log: createLog({ name: "x", write: (line) => said.push(line) }),
    said: () => said.splice(0).join("\n"),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

const KEPT: KeptOrders = {
  experiment: "DAMIC/M",
  holder: { claim: "mark", name: "run", host: "daq1", pid: 7 },
  disk: { folders: ["/data"], warnBytes: 2, criticalBytes: 1, periodSec: 30 },
  programs: new Map([["hv", { keys: { cmd: "hv --on" }, order: 1000 }]]),
};

Deno.test("kept orders: are read as they were written", async () => {
  await using one = await lab();
  assertEquals(readKept(one.file, one.log), undefined);
  writeKept(one.file, KEPT);
  assertEquals(readKept(one.file, one.log), KEPT);
  const nobody = { ...KEPT, holder: undefined, disk: undefined };
  writeKept(one.file, nobody);
  assertEquals(readKept(one.file, one.log), nobody);
  assertEquals(one.said(), "");
});

Deno.test("kept orders: a file that is damaged at any byte is not believed, and that is said", async () => {
  await using one = await lab();
  writeKept(one.file, KEPT);
  const good = await Deno.readFile(one.file);
  for (let at = 0; at < good.length - 1; at += 7) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 1;
    await Deno.writeFile(one.file, bad);
    assertEquals(readKept(one.file, one.log), undefined, `byte ${at}`);
    assertMatch(one.said(), /is not believed/);
  }
  await Deno.writeFile(one.file, good.slice(0, good.length / 2));
  assertEquals(readKept(one.file, one.log), undefined);
});

Deno.test("kept orders: without the file there are the settings that each program was started with", async () => {
  await using one = await lab();
  using folder = await openStateFolder(one.path, "test");
  const text = JSON.stringify({ run: { hv: { cmd: "hv --on" } } });
  const [program] = parseExperiment(text, `${one.path}/lab.jsonc`).programs;
  if (program === undefined) throw new Error("there is no program");
  const machine = { ...newMachine(0), state: "running" as const };
  const about = { version: 1, machine, since: 1, closed: false, verdicts: [] } as const;
  folder.save("hv", { ...about, settings: settingsText(program) }, true);
  folder.save("odd", { ...about, settings: "nonsense" }, true);
  const kept = keptInRecords(folder);
  assertEquals([...kept.keys()], ["hv"]);
  assertEquals(kept.get("hv")?.order, 0);
  assertEquals(kept.get("hv")?.keys.cmd, ["hv", "--on"]);
});

Deno.test("kept orders: whose a folder is; one that was let go is nobody's", async () => {
  await using one = await lab();
  const name = () => keptExperiment(one.path, one.log);
  assertEquals(name(), undefined);
  writeKept(one.file, KEPT);
  assertEquals(name(), "DAMIC/M");
  writeKept(one.file, { ...KEPT, holder: undefined });
  assertEquals(name(), "DAMIC/M", "a program is left of it");
  writeKept(one.file, { ...KEPT, programs: new Map() });
  assertEquals(name(), "DAMIC/M", "somebody has it");
  writeKept(one.file, { ...KEPT, holder: undefined, programs: new Map() });
  assertEquals(name(), undefined);
  // What cannot be read may be anybody's: it is taken up under the folder's name.
  await Deno.writeTextFile(one.file, "nonsense");
  assertEquals(name(), one.path.slice(one.path.lastIndexOf("/") + 1));
});
