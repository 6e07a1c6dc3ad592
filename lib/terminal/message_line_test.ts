import { assertEquals } from "@std/assert";
import { messageLine } from "./message_line.ts";

const MESSAGE = { cmd: "set", from: "gui", to: "hv", time: 1, channel: 3 };

Deno.test("a line names sender, receiver, command and the rest", () => {
  const line = messageLine(MESSAGE);
  assertEquals(/gui\s+→ hv\s+set\s+channel=3$/.test(line), true, line);
});

Deno.test("lines are aligned", () => {
  const other = { cmd: "state", from: "pressure", topic: "vacuum/state", time: 2, channel: 4 };
  assertEquals(messageLine(MESSAGE).indexOf("channel"), messageLine(other).indexOf("channel"));
});

Deno.test("a line is cut to the width", () => {
  const long = { ...MESSAGE, text: "é".repeat(500) };
  assertEquals(Array.from(messageLine(long, { width: 80 })).length, 80);
  assertEquals(messageLine(long, { width: 80 }).endsWith("…"), true);
  for (let width = 1; width < 70; width++) {
    assertEquals(Array.from(messageLine(long, { width })).length <= width, true);
  }
});

Deno.test("what a terminal would obey is escaped", () => {
  const line = messageLine({ cmd: "\x1b[2J", from: "a\nb", to: "hv", text: "\u009b31m\u202e" });
  // deno-lint-ignore no-control-regex -- none of them may be left
  assertEquals(/[\x00-\x1f\x7f-\x9f\u202e]/.test(line), false, line);
  assertEquals(line.includes("\\u001b[2J"), true);
});

Deno.test("a message without a time, a receiver or anything else has its line", () => {
  assertEquals(/^--:--:--\.---\s+\?\s+→ hub\s+x$/.test(messageLine({ cmd: "x" })), true);
});

Deno.test("texts that cannot be mistaken stand bare; ids are short and last", () => {
  const id = "9ad9d8b9-9896-439a-83f8-722d1358781e";
  const fields = { id, state: "ramping", text: "two words", n: "3", flag: "true", none: "" };
  const line = messageLine({ cmd: "x", ...fields });
  assertEquals(
    line.slice(line.indexOf("state")),
    `state=ramping text="two words" n="3" flag="true" none="" id=9ad9d8b9…`,
  );
});

Deno.test("on a narrow terminal there is room for what it says", () => {
  const message = { cmd: "monit", from: "pressure", topic: "pressure/monit", pressure: 176.1 };
  assertEquals(messageLine(message, { width: 80 }).endsWith("  pressure=176.1"), true);
  assertEquals(messageLine(message, { width: 60 }).endsWith("  pressure=17…"), true);
});
