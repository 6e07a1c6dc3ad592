// abcd completion: what a shell asks when somebody presses Tab, and the lines that make it ask.

import type { Command } from "./command.ts";
import { connect } from "../lib/client.ts";
import { readStatus } from "../lib/status/read_status.ts";
import { COMMAND_NAMES, loadCommand } from "./commands.ts";
import { defineCommand, EXIT, UsageError } from "./command.ts";
import { findController } from "./find_controller.ts";
import { toolName } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { nearest } from "../lib/nearest.ts";

/** Somebody waits with a finger on Tab: no longer than this for the hub and the controller, in s. */
const PATIENCE_SEC = 1;

/** The shells; where none of abcd's words fits, they complete files. */
const SCRIPTS = {
  bash: `_abcd() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(abcd completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "$cur"))
}
complete -o default -o bashdefault -F _abcd abcd`,
  zsh: `#compdef abcd
_abcd() {
  local -a words_here
  words_here=(\${(f)"$(abcd completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#words_here} )); then compadd -a words_here; else _files; fi
}
compdef _abcd abcd`,
  fish: `function __abcd_words
  set -l words (commandline -opc) (commandline -ct)
  set -l found (abcd completion words -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c abcd -f -a '(__abcd_words)'`,
} as const;
const WHERE = {
  bash: `eval "$(abcd completion bash)"     in ~/.bashrc`,
  zsh: `eval "$(abcd completion zsh)"      in ~/.zshrc, behind compinit`,
  fish: `abcd completion fish | source     in ~/.config/fish/config.fish`,
};

/**
 * The words that may stand where the last one stands.
 *
 * @param words What was typed behind `abcd`; the last word is the one that is being typed.
 * @param command The subcommand that the first word names, if there is one.
 * @param programs Asks for the names of the programs that run.
 */
async function completions(
  words: readonly string[],
  command: Command | undefined,
  programs: (line: readonly string[]) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const word = words.at(-1) ?? "";
  const fitting = (all: readonly string[]) => all.filter((one) => one.startsWith(word));
  if (words.length <= 1) return fitting([...COMMAND_NAMES, "help", "--help", "--version"]);
  if (words[0] === "help") return words.length === 2 ? fitting(COMMAND_NAMES) : [];
  if (command === undefined || words.slice(0, -1).includes("--")) return [];
  const before = /^--([^=]+)$/.exec(words.at(-2) ?? "")?.[1];
  const spec = before === undefined ? undefined : command.options[before];
  // The value of an option: only its user knows it, or it is a file.
  if (spec !== undefined && spec.type !== "flag") return [];
  if (word.startsWith("-")) {
    return fitting([...Object.keys(command.options).map((name) => `--${name}`), "--help"]);
  }
  if (command.name === "sim" && words.length === 2) {
    const { INSTRUMENTS } = await import("../lib/sim/instruments.ts");
    return fitting(Object.keys(INSTRUMENTS));
  }
  if (command.name === "completion") return fitting(Object.keys(SCRIPTS));
  if (!(command.usage ?? "").includes("PROGRAM")) return [];
  const given = words.slice(1, -1);
  return fitting((await programs(given)).filter((name) => !given.includes(name)));
}

/** The value of an option on a line that is not finished. */
function valueOf(option: string, line: readonly string[]): string | undefined {
  const joined = line.find((word) => word.startsWith(`--${option}=`));
  if (joined !== undefined) return joined.slice(option.length + 3);
  const at = line.indexOf(`--${option}`);
  return at < 0 ? undefined : line[at + 1];
}

async function runningPrograms(
  line: readonly string[],
  beaconPort: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const keyFile = valueOf("key-file", line);
  try {
    await using client = await connect({
      name: toolName({ "key-file": keyFile }, "completion"),
      unique: true,
      keyFile,
      server: valueOf("server", line) ?? Deno.env.get("ABCD_SERVER"),
      hub: valueOf("hub", line),
      beaconPort: Number(valueOf("beacon-port", line) ?? beaconPort),
      timeoutSec: PATIENCE_SEC,
      signal,
      info: { program: "abcd completion" },
    });
    const to = valueOf("controller", line) ?? (await findController(client, signal)).name;
    const answer = await client.request(
      { cmd: "status", to },
      { timeoutSec: PATIENCE_SEC, signal },
    );
    return readStatus(answer).programs.map(({ name }) => name);
  } catch {
    return []; // an error in the middle of somebody's typing helps nobody
  }
}

/** `abcd completion`. */
export default defineCommand({
  name: "completion",
  summary: "complete abcd's words and program names in bash, zsh or fish",
  usage: "bash | zsh | fish",
  arity: [1, 1],
  description:
    `Writes the lines that make the shell ask abcd. Put them where the shell reads them when it starts:

  ${Object.values(WHERE).join("\n  ")}

Names of programs come from the run controller, if one answers within a second.`,
  options: { "beacon-port": CLIENT_OPTIONS["beacon-port"] },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ['eval "$(abcd completion bash)"', "in this shell, now"],
    ["abcd completion fish | source", "the same in fish"],
  ],
  async run({ options, args, rest, stop }) {
    const [shell = ""] = args;
    if (shell === "words") {
      const command = rest.length > 1 && COMMAND_NAMES.includes(rest[0] ?? "")
        ? await loadCommand(rest[0] ?? "")
        : undefined;
      const programs = (line: readonly string[]) =>
        runningPrograms(line, options["beacon-port"], stop);
      const words = await completions(rest, command, programs);
      if (words.length > 0) console.log(words.join("\n"));
      return EXIT.done;
    }
    const script = Object.entries(SCRIPTS).find(([name]) => name === shell)?.[1];
    if (script === undefined) {
      const near = nearest(shell, Object.keys(SCRIPTS));
      throw new UsageError(
        `Cannot complete in "${shell}": it is not one of ${Object.keys(SCRIPTS).join(", ")}` +
          (near === undefined ? "" : `; did you mean ${near}?`),
      );
    }
    console.log(script);
    return EXIT.done;
  },
});
