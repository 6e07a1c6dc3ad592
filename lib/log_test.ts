import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLog, dateAndTime, isLogLevel, type LogOptions, NO_LOG, timeOfDay } from "./log.ts";

function collect(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  return { lines, log: createLog({ name: "hub", ...options, write: (l) => void lines.push(l) }) };
}

Deno.test("log: a line for people", () => {
  const { lines, log } = collect();
  log.info("joined", { client: "cryo", n: 3, why: "a b", none: undefined });
  assertEquals(lines.length, 1);
  assertMatch(
    lines[0] ?? "",
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d info {2}hub: joined client=cryo n=3 why="a b"$/,
  );
});

Deno.test("log: levels, changed while it runs", () => {
  const { lines, log } = collect({ level: "warn" });
  log.debug("1");
  log.info("2");
  log.warn("3");
  log.error("4");
  assertEquals(lines.length, 2);
  log.level = "debug";
  assertEquals(log.level, "debug");
  log.debug("5");
  assertEquals(lines.length, 3);
  assert(isLogLevel("warn"));
  assert(!isLogLevel("WARN"));
});

Deno.test("log: JSON", () => {
  const { lines, log } = collect({ json: true });
  log.error("no\nway", { code: 3 });
  const { time, ...rest } = JSON.parse(lines[0] ?? "");
  assertEquals(typeof time, "number");
  assertEquals(rest, { level: "error", name: "hub", text: "no\nway", code: 3 });
});

Deno.test("log: a line stays a line and does nothing to a terminal", () => {
  const { lines, log } = collect();
  log.info("a\r\nb\x1b[2J\x9b\t", { field: "x\x1by" });
  assert((lines[0] ?? "").endsWith("hub: a\\r\\nb\\x1b[2J\\x9b\\t field=x\\x1by"), lines[0]);
});

Deno.test("log: colour is taken back at the end of the line", () => {
  const { lines, log } = collect({ color: true });
  log.warn("w");
  log.info("i");
  assert((lines[0] ?? "").startsWith("\x1b[33m") && (lines[0] ?? "").endsWith("\x1b[0m"));
  assert(!(lines[1] ?? "").includes("\x1b"));
});

Deno.test("log: times, and the log that writes nothing", () => {
  const date = new Date(2026, 0, 2, 3, 4, 5, 6);
  assertEquals(timeOfDay(date), "03:04:05.006");
  assert(dateAndTime(date).startsWith("2026-01-02 03:04:05.006"));
  NO_LOG.error("nothing");
});
