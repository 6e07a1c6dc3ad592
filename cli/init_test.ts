import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseExperiment } from "../lib/experiment/experiment_file.ts";
import { CommandError } from "./command.ts";
import { EXAMPLES, findExample, readExample } from "./init.ts";

Deno.test("each example is in experiments/, and its experiment file has programs and no error", async () => {
  for (const { files } of Object.values(EXAMPLES)) {
    for (const file of files) assertEquals((await readExample(file)).endsWith("\n"), true, file);
    const [file] = files;
    const { programs } = parseExperiment(await readExample(file), `/${file}`);
    assertEquals(programs.length > 0, true, file);
  }
});

Deno.test("an example that is not there: the list, and the nearest", () => {
  const error = assertThrows(() => findExample("damic"), CommandError, "damicm?");
  for (const name of Object.keys(EXAMPLES)) assertStringIncludes(error.message, name);
});
