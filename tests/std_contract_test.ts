// What the code relies on in @std, true of the real packages and of the stand-ins alike.

import {
  assert,
  assertEquals,
  assertExists,
  assertFalse,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { parse } from "@std/jsonc";
import { BaseHandler, Logger, type LogRecord } from "@std/log";

Deno.test("contract: @std/assert", async () => {
  assertEquals({ a: [1, { b: NaN }] }, { a: [1, { b: NaN }] });
  assertEquals(new Uint8Array([1]), new Uint8Array([1]));
  assertExists(0);
  assertFalse(0);
  assertStrictEquals(NaN, NaN);
  const failures = [
    () => assert(false),
    () => assertEquals<unknown>(1, "1"),
    () => assertEquals<unknown>([1], [1, 2]),
    () => assertNotEquals({ a: 1 }, { a: 1 }),
    () => assertExists(null),
    () => assertFalse(1),
    () => assertStrictEquals({}, {}),
    () => assertStringIncludes("a", "b"),
    () => assertThrows(() => {}),
    () =>
      assertThrows(
        () => {
          throw new Error("a");
        },
        Error,
        "b",
      ),
  ];
  for (const failure of failures) assertThrows(failure, AssertionError);
  const error = assertThrows(
    () => {
      throw new TypeError("say why");
    },
    TypeError,
    "why",
  );
  assertEquals(error.message, "say why");
  const rejected = await assertRejects(() => Promise.reject(new TypeError("t")), TypeError, "t");
  assert(rejected instanceof TypeError);
  await assertRejects(() => assertRejects(() => Promise.resolve()), AssertionError);
});

function read(argv: string[], stopEarly = false) {
  const unknown: string[] = [];
  const given: Record<string, unknown> = parseArgs(argv, {
    boolean: ["flag", "no-dog"],
    string: ["_", "text", "list"],
    collect: ["list"],
    alias: { f: "flag", t: "text" },
    stopEarly,
    "--": true,
    unknown: (arg: string, key?: string) => {
      if (key === undefined || !arg.startsWith("-")) return true;
      unknown.push(arg);
      return false;
    },
  });
  return { given, unknown };
}

Deno.test("contract: @std/cli/parse-args", () => {
  const { given, unknown } = read(
    ["-f", "--text=a", "--list", "x", "--list=y", "07", "1e3", "--", "-q", "--no-dog"],
  );
  assertEquals(given.flag, true);
  assertEquals(given.text, "a");
  assertEquals(given.list, ["x", "y"]);
  assertEquals(given._, ["07", "1e3"]);
  assertEquals(given["--"], ["-q", "--no-dog"]);
  assertEquals(given["no-dog"], false);
  assertEquals(unknown, []);
  assertEquals(read(["-t", "b"]).given.text, "b");
  assertEquals(read(["--other"]).unknown, ["--other"]);
});

Deno.test("contract: @std/cli/parse-args, names that begin with no-", () => {
  const { given, unknown } = read(["--no-dog", "a"]);
  assertEquals(given["no-dog"], true);
  assertEquals(given._, ["a"]);
  assertEquals(unknown, []);
  assertEquals(read(["--no-flag"]).unknown, ["--no-flag"]);
});

Deno.test("contract: @std/cli/parse-args, stopEarly", () => {
  const { given, unknown } = read(["--flag", "prog", "--no-dog", "--text", "-x"], true);
  assertEquals(given.flag, true);
  assertEquals(given["no-dog"], false);
  assertEquals(given._, ["prog", "--no-dog", "--text", "-x"]);
  assertEquals(unknown, []);
});

Deno.test("contract: @std/jsonc", () => {
  assertEquals(parse('// a\n{ "b": [1, /* c */ 2,], "d": "//", }\n'), { b: [1, 2], d: "//" });
  for (const text of ["{", '{"a" 1}', "{} {}", "", "[1 2]"]) {
    assertThrows(() => parse(text), SyntaxError);
  }
});

class Collector extends BaseHandler {
  readonly lines: string[] = [];

  override log(line: string): void {
    this.lines.push(line);
  }
}

Deno.test("contract: @std/log", () => {
  const records: LogRecord[] = [];
  const formatter = (record: LogRecord) => {
    records.push(record);
    return `${record.levelName} ${record.loggerName} ${record.msg}`;
  };
  const handler = new Collector("DEBUG", { formatter });
  const logger = new Logger("name", "WARN", { handlers: [handler] });
  const fields = { a: 1 };
  logger.info("no");
  logger.warn("yes", fields);
  logger.levelName = "DEBUG";
  logger.debug("now");
  logger.error("bad");
  assertEquals(handler.lines, ["WARN name yes", "DEBUG name now", "ERROR name bad"]);
  assertStrictEquals(records[0]?.args[0], fields);
  assert(records[0]?.datetime instanceof Date);
});
