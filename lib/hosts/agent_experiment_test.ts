import { assertEquals } from "@std/assert";
import { createClient } from "../client.ts";
import { NO_LOG } from "../log.ts";
import { openStateFolder } from "../run/state_folder.ts";
import { openAgentExperiment } from "./agent_experiment.ts";

Deno.test({
  name: "agent experiment: settings that name another computer are refused, and not kept",
  // A look at the disk may be on its way when it ends.
  sanitizeOps: false,
  fn: refusesOthers,
});

async function refusesOthers(): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  // A port of nobody: it never joins.
  await using client = createClient({ name: "daq2", server: "127.0.0.1:1" });
  const policy = {
    experiments: ["lab"],
    folders: [],
    commands: { rules: [], allowAll: false, shell: false },
  };
  try {
    for (const via of ["agent", "ssh"]) {
      using folder = await openStateFolder(path, "test");
      using lab = openAgentExperiment({
        experiment: "lab",
        folder,
        log: NO_LOG,
        client,
        policy,
        workFolder: path,
      });
      assertEquals(lab.reports(), [], "kept from before");
      const program = { cmd: "true", host: "daq3", via };
      const { reports, unknown, refused } = lab.order([
        { name: "p", what: "start", order: 1, program },
      ]);
      assertEquals([reports, unknown], [[], ["p"]]);
      assertEquals(refused, { p: "Cannot run it on daq3 from here" });
    }
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
