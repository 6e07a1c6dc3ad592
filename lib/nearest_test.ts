import { assertEquals } from "@std/assert";
import { editDistance, nearest } from "./nearest.ts";

Deno.test("nearest: the word that was meant, or none", () => {
  assertEquals(nearest("verb", ["verbose", "x"]), "verbose");
  assertEquals(nearest("Dependson", ["depends", "dependsOn"]), "dependsOn");
  assertEquals(nearest("qqqq", ["verbose"]), undefined);
  assertEquals(editDistance("kitten", "sitting"), 3);
  assertEquals(editDistance("restrat", "restart"), 1);
});
