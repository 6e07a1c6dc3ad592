import { assertEquals, assertRejects } from "@std/assert";
import { parse } from "jsonc-parser";
import { CommandError } from "./command.ts";
import { EXAMPLES, readExample } from "./init.ts";

Deno.test("each example is in experiments/, is JSONC, and has programs", async () => {
  for (const name of Object.keys(EXAMPLES)) {
    const errors: { error: number; offset: number; length: number }[] = [];
    const value = parse(await readExample(name), errors, { allowTrailingComma: false });
    assertEquals(errors, []);
    assertEquals(Object.keys(value.run).length > 0, true);
  }
});

Deno.test("an example that is not there: the list, and the nearest", async () => {
  const error = await assertRejects(() => readExample("damic"), CommandError, "damicm?");
  for (const name of Object.keys(EXAMPLES)) assertEquals(error.message.includes(name), true);
});
