import { assertEquals } from "@std/assert";
import { escapeControls, plainJson, plainText } from "./plain_text.ts";

Deno.test("plain text: what would do something on a terminal is written out", () => {
  assertEquals(
    escapeControls("a\n\r\t\x1b[2J\u202e\x9b\u061c"),
    "a\\n\\r\\t\\x1b[2J\\u202e\\x9b\\u061c",
  );
  assertEquals(escapeControls("σ = 84 °C 測 😀"), "σ = 84 °C 測 😀");
});

Deno.test("plain text: what is too long is cut, in no character's middle, and says so", () => {
  assertEquals(plainText("abc", 3), "abc");
  assertEquals(plainText("abcd", 3), "abc… (4 characters)");
  assertEquals(plainText("ab😀d", 3), "ab… (5 characters)");
  assertEquals(plainText("\x1b".repeat(5), 2), "\\x1b\\x1b… (5 characters)");
});

Deno.test("plain text: JSON stays what it is", () => {
  const value = { "\u202e": "\x9b\u2028", list: ["\x7f", "é😀"] };
  const json = plainJson(JSON.stringify(value));
  assertEquals(JSON.parse(json), value);
  assertEquals(escapeControls(json), json);
});
