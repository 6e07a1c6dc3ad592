import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { openLogLines } from "./log_lines.ts";

// A log is open until its program ends.
const LOG = { sanitizeResources: false };

Deno.test("log lines: a full disk costs lines, which is told once, and nobody's life", LOG, () => {
  const told: string[] = [];
  const write = openLogLines("/dev/full", (text) => void told.push(text));
  for (const line of ["one", "two", "three"]) write(line);
  assertEquals(told.length, 1);
  assertMatch(told[0] ?? "", /^Cannot write \/dev\/full: .*; lines of the log are missing there$/);
});

Deno.test("log lines: a name that cannot be one is said at once", () => {
  const write = openLogLines("/proc/none/log", () => {});
  const { message } = assertThrows(() => write("one"), Error);
  assertMatch(
    message,
    /^Cannot write \/proc\/none\/log: .*; mend that, or name another .*--log-file$/,
  );
});
