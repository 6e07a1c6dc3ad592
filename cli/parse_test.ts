import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { defineCommand, UsageError } from "./command.ts";
import { parseLine, unknownCommand } from "./parse.ts";

const command = defineCommand({
  name: "demo",
  summary: "",
  options: {
    "no-watchdog": { type: "flag", help: "" },
    verbose: { type: "flag", help: "", short: "v" },
    name: { type: "text", help: "", env: "DEMO_NAME", short: "n" },
    host: { type: "text", help: "", default: "local" },
    port: { type: "number", help: "", default: 9 },
    size: { type: "number", value: "BYTES", help: "" },
    http: { type: "number", value: "PORT", help: "" },
    wait: { type: "seconds", help: "" },
    only: { type: "list", help: "", env: "DEMO_ONLY" },
  },
  examples: [],
  arity: [0, 9],
  run: () => Promise.resolve(0),
});
const none = () => undefined;
const read = (...argv: string[]) => parseLine(command, argv, none);
const refused = (argv: string[], text: string) =>
  void assertThrows(() => read(...argv), UsageError, text);

Deno.test("parse: defaults", () => {
  assertEquals(read().options, {
    "no-watchdog": false,
    verbose: false,
    name: undefined,
    host: "local",
    port: 9,
    size: undefined,
    http: undefined,
    wait: undefined,
    only: [],
  });
});

Deno.test("parse: types", () => {
  const { options, args } = read(
    ...["-v", "--name=007", "--port", "80", "--size=64k", "--wait", "5m", "007", "1e3"],
  );
  assertEquals(options.verbose, true);
  assertEquals(options.name, "007");
  assertEquals(options.port, 80);
  assertEquals(options.size, 65536);
  assertEquals(options.wait, 300);
  assertEquals(args, ["007", "1e3"]);
  assertEquals(read("-n", "x").options.name, "x");
  assertEquals(read("--port=1", "--port=2").options.port, 2);
  assertEquals(read("--help").help, true);
  assertEquals(read("-h").help, true);
  refused(["--port=x"], "--port");
  refused(["--size=x"], "number of bytes");
  assertEquals(read("--http=0").options.http, 0);
  refused(["--http=65536"], "a port: 0 to 65535");
  refused(["--http=9.5"], "a port");
  refused(["--wait=x"], "length of time");
  refused(["--name"], "needs a value");
});

Deno.test("parse: --no-watchdog is a flag of its own", () => {
  assertEquals(read("--no-watchdog").options["no-watchdog"], true);
  assertEquals(read("--no-watchdog", "a").args, ["a"]);
  assertEquals(read("a", "--no-watchdog").options["no-watchdog"], true);
  assertEquals(read("a").options["no-watchdog"], false);
  refused(["--no-verbose"], "--no-verbose");
  refused(["--no-watchdgo"], "did you mean --no-watchdog?");
});

Deno.test("parse: environment", () => {
  const env = (name: string) => ({ DEMO_NAME: "e", DEMO_ONLY: "" })[name];
  assertEquals(parseLine(command, [], env).options.name, "e");
  assertEquals(parseLine(command, ["--name=o"], env).options.name, "o");
  assertEquals(parseLine(command, [], env).options.only, []);
});

Deno.test("parse: lists", () => {
  assertEquals(read("--only", "a", "--only=b").options.only, ["a", "b"]);
  assertEquals(read("--only", "a").options.only, ["a"]);
});

Deno.test("parse: what is not there", () => {
  refused(["--prot=1"], 'Cannot find option --prot of "abcd demo"; did you mean --port?');
  refused(["--zzzzzz"], "Cannot find option --zzzzzz");
  refused(["-x"], "-x");
  assertStringIncludes(unknownCommand("rnu", ["run", "spy"]).message, "did you mean run?");
});

Deno.test("parse: like negative numbers", () => {
  refused(["--port=-5"], "not a number");
  refused(["--port", "-5"], "");
  assertEquals(read("--name=-5").options.name, "-5");
  assertEquals(read("--", "-5").rest, ["-5"]);
  assertEquals(read("-").args, ["-"]);
});

Deno.test("parse: behind --, and behind the first argument", () => {
  const { args, rest } = read("a", "--", "--no-watchdog", "-x", "07");
  assertEquals(args, ["a"]);
  assertEquals(rest, ["--no-watchdog", "-x", "07"]);
  const early = defineCommand({ ...command, stopEarly: true });
  const line = parseLine(
    early,
    ["-v", "--port", "1", "prog", "--no-x", "--no-watchdog", "-q"],
    none,
  );
  assertEquals(line.options.verbose, true);
  assertEquals(line.options["no-watchdog"], false);
  assertEquals(line.args, ["prog", "--no-x", "--no-watchdog", "-q"]);
});

Deno.test("parse: number of arguments", () => {
  const two = defineCommand({ ...command, usage: "A B", arity: [1, 2] });
  assertThrows(() => parseLine(two, [], none), UsageError, "it needs A B");
  assertThrows(() => parseLine(two, ["1", "2", "3"], none), UsageError, '"3" is one argument too');
  assertEquals(parseLine(two, ["--help"], none).help, true);
});
