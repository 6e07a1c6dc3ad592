import { assertEquals, assertThrows } from "@std/assert";
import { ExperimentError, parseExperiment, splitCommand } from "./experiment_file.ts";

Deno.test("splitCommand splits like a shell", () => {
  assertEquals(splitCommand(`a 'b c' "d \\" e" f\\ g ''`), ["a", "b c", 'd " e', "f g", ""]);
  assertThrows(() => splitCommand("a 'b"), Error, "not closed");
});

Deno.test("parseExperiment merges the defaults and fills in the rest", () => {
  const { name, controller, programs } = parseExperiment(
    `{ // comment
      "defaults": {"restartSec": 3, "env": {"A": "1", "B": "1"}},
      "run": {"x": {"cmd": "sleep 1", "env": {"B": "2"}}, "y": {"cmd": ["a b"], "restartSec": 4},},
    }`,
    "/e/lab.jsonc",
  );
  assertEquals([name, controller], ["lab", "run"]);
  assertEquals(programs.map(({ argv }) => argv), [["sleep", "1"], ["a b"]]);
  assertEquals(programs.map(({ restartSec }) => restartSec), [3, 4]);
  assertEquals(programs[0]?.env, { A: "1", B: "2" });
  assertEquals(programs[0]?.cwd, "/e");
});

Deno.test("parseExperiment tells of all errors with their places", () => {
  const error = assertThrows(
    () =>
      parseExperiment(
        `{"run": {
  "a": {"cmd": "x", "restrat": "no", "dependsOn": {"b": "ready"}},
  "b": {"cmd": "x", "dependsOn": {"a": "started", "cc": "ready"}, "stopSec": "1"},
  "c": {"host": "h", "cmd": "x", "ready": {"tcp": 1}}
}}`,
        "/e/f",
      ),
    ExperimentError,
  );
  assertEquals(error.problems, [
    `/e/f:2:21: unknown key "restrat" in program a, expected perhaps "restart"`,
    `/e/f:2:51: programs wait for each other in a circle: a → b → a, expected no circle`,
    `/e/f:3:51: program b depends on "cc", which is not in the file, expected perhaps "c"`,
    `/e/f:3:78: "stopSec" of program b is "1", expected a number, 0 or more`,
    `/e/f:4:9: "host" in program c is not yet supported, expected no such key`,
    `/e/f:4:44: "tcp" in "ready" of program c is not yet supported, expected "client"`,
  ]);
});

Deno.test("parseExperiment tells of broken JSON", () => {
  const error = assertThrows(() => parseExperiment(`{"run": {]}`, "/e/f"), ExperimentError);
  assertEquals(error.problems[0]?.startsWith("/e/f:1:"), true);
});
