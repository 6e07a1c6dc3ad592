import { assertEquals } from "@std/assert";
import { openSequence, readKeys } from "./keys.ts";

Deno.test("keys: characters, arrows, and several at once", () => {
  assertEquals(readKeys("s"), ["s"]);
  assertEquals(readKeys("\x1b[A\x1b[B\x1bOA"), ["up", "down", "up"]);
  assertEquals(readKeys("jé漢\r\x7f"), ["j", "é", "漢", "enter", "backspace"]);
  assertEquals(readKeys("\x1b[5~\x1b[6~\x1b[H\x1b[F"), ["pageup", "pagedown", "home", "end"]);
});

Deno.test("keys: escape alone is a key; sequences without a meaning are none", () => {
  assertEquals(readKeys("\x1b"), ["escape"]);
  assertEquals(readKeys("\x1b[1;5C\x1b[200~x\x01"), ["x"]);
  assertEquals(readKeys(""), []);
});

Deno.test("keys: a sequence that has only begun is known as such", () => {
  assertEquals(["a\x1b", "\x1b[", "j\x1b[5", "\x1bO"].map(openSequence), [
    "\x1b",
    "\x1b[",
    "\x1b[5",
    "\x1bO",
  ]);
  assertEquals(["", "a", "\x1b[A", "\x1b[5~", "\x1bOA"].map(openSequence), ["", "", "", "", ""]);
});
