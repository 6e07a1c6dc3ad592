// The examples in the library's documentation, run as they stand there, in a hub of their own.

import { assert, assertMatch } from "@std/assert";
import { Running, TestHub } from "./harness.ts";

Deno.test("documentation: the examples of mod.ts type-check and run", async () => {
  await using hub = await TestHub.start([], { open: false });
  const std = import.meta.resolve("@std/assert");
  const map = new URL("../.import_map.json", import.meta.url).pathname;
  await using examples = new Running([
    Deno.execPath(),
    "test",
    "--doc",
    "--no-prompt",
    "--no-lock",
    "--allow-all",
    "--unstable-net",
    ...(std.startsWith("file:") ? [`--import-map=${map}`] : []),
    new URL("../mod.ts", import.meta.url).pathname,
  ], { env: { ABCD_SERVER: hub.address, NO_COLOR: "1" } });
  const { code } = await examples.end(60_000);
  assert(code === 0, examples.stdout + examples.stderr);
  assertMatch(examples.stdout, /ok \| [5-9] passed/);
});
