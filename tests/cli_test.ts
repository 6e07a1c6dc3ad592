// The command line as a whole: helps, examples that can be typed, mistakes that are understood.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMAND_NAMES, loadCommand } from "../cli/commands.ts";
import { parseLine } from "../cli/parse.ts";
import { splitCommand } from "../lib/experiment/split_command.ts";
import { VERSION } from "../lib/version.ts";
import { runAbcd } from "./harness.ts";

const SHOWN = (await Promise.all(COMMAND_NAMES.map(loadCommand))).filter((one) => !one.hidden);

/** The command lines of abcd in an example, without what the shell does around them. */
function commandLines(example: string): string[][] {
  const inner = /^eval "\$\((.*)\)"$/.exec(example)?.[1] ?? example;
  return inner.split(/ && | \| /).map((line) => splitCommand(line.replace(/ <.*$/, "")))
    .filter(([program]) => program === "abcd").map((words) => words.slice(1));
}

Deno.test("cli: every subcommand says what it does, and has examples that parse", () => {
  assert(SHOWN.length > 10);
  for (const { name, summary, examples } of SHOWN) {
    assert(summary.length > 10, `${name}: no summary`);
    assert(examples.length > 0, `${name}: no example`);
    for (const [example, what] of examples) {
      const lines = commandLines(example);
      assert(what.length > 5 && lines.length > 0, `${name}: ${example}`);
      for (const [called = "", ...line] of lines) {
        const command = SHOWN.find((one) => one.name === called);
        assert(command !== undefined, `${example}: no subcommand ${called}`);
        parseLine(command, line, () => undefined);
      }
    }
  }
});

Deno.test("cli: help of all and of each, from the program itself", async () => {
  const general = await runAbcd(["help"]);
  assertEquals(general.code, 0, general.stderr);
  for (const { name } of SHOWN) assert(new RegExp(`^ {2}${name} `, "m").test(general.stdout), name);
  const helps = await Promise.all(SHOWN.map(({ name }) => runAbcd([name, "--help"])));
  for (const [i, { code, stdout, stderr }] of helps.entries()) {
    const { name = "", options = {} } = SHOWN[i] ?? {};
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, `Usage: abcd ${name}`);
    assertStringIncludes(stdout, "Examples:\n  ");
    for (const option of Object.keys(options)) assertStringIncludes(stdout, `--${option}`);
  }
  assertEquals((await runAbcd(["help", "spy"])).stdout, (await runAbcd(["spy", "-h"])).stdout);
});

Deno.test("cli: the version", async () => {
  for (const word of ["--version", "-V", "version"]) {
    assertEquals(await runAbcd([word]), { code: 0, stdout: `abcd ${VERSION}\n`, stderr: "" });
  }
});

Deno.test("cli: mistakes are exit code 2, with the word that was meant", async () => {
  const mistakes: [line: string[], words: string][] = [
    [["staus"], "did you mean status?"],
    [["hlep"], "did you mean help?"],
    [["help", "sned"], "did you mean send?"],
    [["spy", "--jsn"], "did you mean --json?"],
    [["restart", "hv", "--wiat=3"], "did you mean --wait?"],
    [["sim", "crio"], "did you mean cryo?"],
    [["completion", "bahs"], "did you mean bash?"],
    [["xyzzy"], 'Run "abcd help" for the list'],
    [["reload", "extra"], '"extra" is one argument too many'],
    [["check"], "it needs FILE"],
    [[], "Usage: abcd SUBCOMMAND"],
  ];
  for (const [line, words] of mistakes) {
    const { code, stdout, stderr } = await runAbcd(line);
    assertEquals([code, stdout], [2, ""], `${line}: ${stderr}`);
    assertStringIncludes(stderr, words);
  }
});
