import { assertEquals } from "@std/assert";
import { openSequence, readKeys, withoutPasted } from "./keys.ts";

Deno.test("keys: characters, arrows, and several at once", () => {
  assertEquals(readKeys("s"), ["s"]);
  assertEquals(readKeys("\x1b[A\x1b[B\x1bOA"), ["up", "down", "up"]);
  assertEquals(readKeys("jé漢\r\x7f"), ["j", "é", "漢", "enter", "backspace"]);
  assertEquals(readKeys("\x1b[5~\x1b[6~\x1b[H\x1b[F"), ["pageup", "pagedown", "home", "end"]);
});

Deno.test("keys: escape alone is a key; sequences without a meaning are none", () => {
  assertEquals(readKeys("\x1b"), ["escape"]);
  assertEquals(readKeys("\x1b[1;5C\x1b[201~x\x01"), ["x"]);
  assertEquals(readKeys(""), []);
});

Deno.test("keys: what is pasted is none, wherever it is cut", () => {
  const typed = "s\x1b[200~try\rty\x1b[A\x1b[201~k\x1b[200~qy\x1b[201~";
  for (let at = 0; at <= typed.length; at++) {
    const first = typed.slice(0, at);
    const open = openSequence(first);
    const begun = withoutPasted(first.slice(0, first.length - open.length), false);
    const rest = withoutPasted(open + typed.slice(at), begun.isPasting);
    assertEquals(readKeys(begun.text + rest.text), ["s", "paste", "k", "paste"], `cut at ${at}`);
    assertEquals(rest.isPasting, false);
  }
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
