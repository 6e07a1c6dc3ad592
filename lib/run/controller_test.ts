import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { NO_LOG } from "../log.ts";
import { until } from "../../tests/harness.ts";
import { createController } from "./controller.ts";
import { openStateFolder } from "./state_folder.ts";

Deno.test("controller: told to stop all before it began it starts nothing; the next one does", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const run = { hv: { cmd: "sleep 1000", startSec: 0 } };
  const experiment = parseExperiment(JSON.stringify({ run }), `${path}/lab.jsonc`);
  try {
    for (const ends of [true, false]) {
      using folder = await openStateFolder(path, "test");
      const controller = createController({ experiment, log: NO_LOG, folder, logFolder: path });
      const seen: string[] = [];
      controller.onChange(({ state }) => seen.push(state));
      controller.start(ends);
      if (!ends) await until(() => seen.includes("running"), () => `it is ${seen}`);
      assertEquals(await controller.shutdown(), []);
      assertEquals(seen.includes("starting"), !ends, seen.join());
      assertEquals(seen.at(-1), "stopped");
    }
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
