import { assertEquals, assertThrows } from "@std/assert";
import { splitCommand } from "./split_command.ts";

Deno.test("splitCommand splits like a shell", () => {
  assertEquals(splitCommand(`a 'b c' "d \\" e" f\\ g ''`), ["a", "b c", 'd " e', "f g", ""]);
  assertThrows(() => splitCommand("a 'b"), Error, "not closed");
});
