// The README's reference says what the program does: keys and their defaults, commands, codes, limits.

import { assert, assertEquals } from "@std/assert";
import * as limits from "../lib/defaults.ts";
import { ERROR_CODES } from "../lib/message.ts";
import { parseExperiment } from "../lib/experiment/experiment_file.ts";
import { PROGRAM_STATES } from "../lib/status/program_status.ts";
import { withReference } from "./reference.ts";

const ROOT = new URL("../", import.meta.url);
const README = await Deno.readTextFile(new URL("README.md", ROOT));

/** What stands under a heading, up to the next of its level or above. */
function section(heading: string): string {
  const begin = README.indexOf(`\n${heading}\n`);
  assert(begin >= 0, `the README has no "${heading}"`);
  const level = heading.indexOf(" ");
  const rest = README.slice(begin + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The rows of the tables of a section, cells without their blanks. */
function rows(heading: string): string[][] {
  return section(heading).split("\n").filter((line) => /^\| `/.test(line)).map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((one) => one.trim())
  );
}

const code = (text: string) => /`([^`]*)`/.exec(text)?.[1] ?? "";
const MINIMAL = parseExperiment('{"run": {"a": {"cmd": "x"}}}', "/lab/lab.jsonc");

Deno.test("README: the command line's reference is that of the command table", async () => {
  // Only words count: how wide a table is, is the formatter's affair.
  const words = (text: string) => text.replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ");
  assertEquals(words(README), words(await withReference(README)), "run: deno task reference");
});

Deno.test("README: every key of a program stands there, with the default that it has", () => {
  const [program] = MINIMAL.programs;
  assert(program !== undefined);
  const { name: _name, argv: _argv, ...settings } = program;
  const held: Record<string, unknown> = { cmd: undefined, shell: false, ...settings, cwd: "." };
  const table = rows("### A program");
  assertEquals(table.map(([key = ""]) => code(key)).sort(), Object.keys(held).sort());
  for (const [key = "", value = ""] of table) {
    const written: unknown = value === "" ? undefined : JSON.parse(code(value));
    assertEquals(written, held[code(key)], code(key));
  }
});

Deno.test("README: every key of the file stands there", () => {
  const known = rows("### The file").map(([key = ""]) => code(key));
  for (const key of known) {
    const values: Record<string, string> = {
      experiment: '"x"',
      controller: '"x"',
      run: '{"a": {"cmd": "x"}}',
    };
    const text = Object.entries({ ...values, [key]: values[key] ?? "{}" })
      .map(([name, value]) => `"${name}": ${value}`).join(", ");
    parseExperiment(`{${text}}`, "/lab/lab.jsonc");
  }
  const error = (() => {
    try {
      parseExperiment('{"zzz": 1, "run": {"a": {"cmd": "x"}}}', "/lab/lab.jsonc");
      return "";
    } catch (error) {
      return String(error);
    }
  })();
  const listed = /expected (?:one of )?(.*)$/m.exec(error)?.[1] ?? "";
  for (const key of listed.match(/\w+/g) ?? []) {
    if (key !== "or") assert(known.includes(key), `${key} is not in the README: ${error}`);
  }
});

Deno.test("README: its probes can be read", () => {
  const probes = rows("### Probes").flatMap(([probe = ""]) =>
    [...probe.matchAll(/`([^`]*)`/g)].map(([, text = ""]) => text)
  ).map((text) => text.startsWith("[") ? `{"status": ${text}}` : text);
  assert(probes.length >= 8);
  const kinds = probes.map((ready) => {
    const { programs } = parseExperiment(
      `{"run": {"a": {"cmd": "x", "ready": ${ready}, "alive": ${ready}}}}`,
      "/lab/lab.jsonc",
    );
    return programs[0]?.ready?.check.kind;
  });
  assertEquals([...new Set(kinds)].sort(), ["client", "exec", "file", "logLine", "status", "tcp"]);
});

Deno.test("README: the states of a program and the codes of errors are all there", () => {
  assertEquals(rows("### States of a program").map(([state = ""]) => code(state)), [
    ...PROGRAM_STATES,
  ]);
  assertEquals(
    rows("### Errors").map(([name = ""]) => code(name)).sort(),
    [...ERROR_CODES].sort(),
  );
});

Deno.test("README: every message of the protocol is named", () => {
  const source = Deno.readTextFileSync(new URL("lib/system_message.ts", ROOT)) +
    Deno.readTextFileSync(new URL("lib/run_message.ts", ROOT));
  const commands = [...source.matchAll(/^ {2}readonly cmd: "([\w-]+)";$/gm)].map(([, cmd]) => cmd);
  assert(commands.length > 20);
  for (const cmd of commands) {
    assert(new RegExp(`\`${cmd}[ \`]`).test(section("## Messages")), `${cmd} is not in the README`);
  }
});

Deno.test("README: every variable of the environment that the source reads is named", () => {
  const table = section("## Exit codes, files, ports, variables, limits");
  const visit = (folder: string): string[] =>
    [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
      isDirectory ? visit(`${folder}${name}/`) : /(?<!_test)\.ts$/.test(name)
        ? [
          ...Deno.readTextFileSync(new URL(`${folder}${name}`, ROOT)).matchAll(
            /\b(?:environment|Deno\.env\.get)\(\s*"(\w+)"|\benv: "(\w+)"/g,
          ),
        ].map(([, one, other]) => one ?? other ?? "")
        : []
    );
  // What every program of Unix reads.
  const usual = ["PATH", "HOME", "TERM", "USER", "LOGNAME", "USERPROFILE", "JSR_URL", "SHELL"];
  const found = new Set([...visit("lib/"), ...visit("cli/")]);
  assert(found.has("ABCD_SERVER"));
  for (const name of found) {
    assert(usual.includes(name) || table.includes(`\`${name}\``), `${name} is not in the README`);
  }
});

Deno.test("README: ports, times and limits are those of the program", () => {
  const words: [number, string][] = [
    [limits.HTTP_PORT, "| TCP 9819"],
    [limits.TCP_PORT, "| TCP 9818"],
    [limits.BEACON_PORT, "| UDP 7886"],
    [limits.MAX_MESSAGE_BYTES / 1024 ** 2, "| 1 MiB"],
    [limits.MAX_NESTING, "| 64"],
    [limits.QUEUE_BYTES / 1024 ** 2, "| 16 MiB"],
    [limits.CLIENT_BUFFER_BYTES / 1024 ** 2, "| 4 MiB"],
    [limits.HEARTBEAT_SEC, "heartbeat: 10,"],
    [limits.TIMEOUT_SEC, "timeout: 30"],
    [limits.BEACON_SEC, "every 2 s"],
    [limits.WATCHDOG_SEC, "stuck for 30 s"],
    [limits.TAKEOVER_SEC, "a ping within 2 s"],
  ];
  const text = README.replaceAll(/\s+/g, " ");
  for (const [number, phrase] of words) {
    assert(phrase.includes(`${number}`), `${phrase}: it is ${number}`);
    assert(text.includes(phrase), `the README does not say "${phrase}"`);
  }
});

Deno.test("README: every link to a part of it leads somewhere", () => {
  const anchors = [...README.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
  const links = [...README.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor = ""]) => anchor);
  assert(links.length > 20);
  for (const link of links) assert(anchors.includes(link), `#${link}`);
});

Deno.test("README: the files and folders of the source that it names are there", () => {
  const named = [
    ...section("## Working on abcd").matchAll(
      /`((?:cli|lib|tests|experiments)\/[\w./]*|\w+\.ts)`/g,
    ),
  ]
    .map(([, path = ""]) => path);
  assert(named.length > 10);
  for (const path of named) {
    // What is named without its folder is in cli/, or at the root.
    const there = ["", "cli/"].some((folder) => {
      try {
        return Deno.statSync(new URL(folder + path, ROOT)).isFile || path.endsWith("/");
      } catch {
        return false;
      }
    });
    assert(there, path);
  }
});
