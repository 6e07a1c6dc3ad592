// The README's promises: its Python program joins, its command lines are ones that abcd has.

import { assert, assertEquals } from "@std/assert";
import { abcd, runAbcd, Running, TestHub } from "./harness.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

/** The code blocks of one language. */
function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp("```" + language + "\\n([^]*?)```", "g"))].map((m) =>
    m[1] ?? ""
  );
}

async function hasPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "README: the Python program joins, answers pings and gets messages",
  ignore: !await hasPython(),
  async fn() {
    const [program = ""] = blocks("python");
    assert(program.includes("9818"), "the README has no Python program");
    await using hub = await TestHub.start(["--heartbeat=0.2", "--timeout=2"]);
    await using python = new Running([
      "python3",
      "-u",
      "-c",
      program.replace("9818", `${hub.tcpPort}`),
    ]);
    await hub.process.saw(/mine joined/);
    const sent = await runAbcd(["send", ...hub.clientArgs, "to=mine", "cmd=hello", "n:=1"]);
    assertEquals(sent.code, 0, sent.stderr);
    await python.saw(/'cmd': 'hello'/);
    // Longer than the hub waits for somebody who does not answer.
    await using spy = abcd([
      "spy",
      ...hub.clientArgs,
      "--only=from=mine",
      "--only=cmd=_pong",
      "--json",
      "--count=4",
    ]);
    assertEquals((await spy.end()).code, 0);
  },
});

Deno.test("README: each command line names a subcommand and options that there are", async () => {
  const lines = blocks("sh").join("\n").split("\n").flatMap((line) => line.split("&&"))
    .map((line) => line.replace(/#.*/, "").trim()).filter((line) => line.startsWith("abcd "));
  assert(lines.length >= 4, "the README shows no command lines");
  const helps = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", ...words] = line.split(/\s+/);
    if (!helps.has(name)) {
      const { code, stdout } = await runAbcd([name, "--help"]);
      assertEquals(code, 0, `${line}: no such subcommand`);
      helps.set(name, stdout);
    }
    for (const word of words) {
      const option = /^--[a-z-]+/.exec(word)?.[0];
      if (option !== undefined) {
        assert(
          helps.get(name)?.includes(`${option} `) || helps.get(name)?.includes(`${option}\n`),
          `${line}: no ${option}`,
        );
      }
    }
  }
});
