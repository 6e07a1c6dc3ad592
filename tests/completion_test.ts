// Tab in real shells, on a terminal: the words that abcd completes, and the names of programs that run.

import { assertStringIncludes } from "@std/assert";
import { abcdCommand, Running, temporaryFolder, TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";
import { hasTerminals } from "./terminal.ts";

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

async function hasShell(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["-c", "exit 0"] }).output()).success;
  } catch {
    return false;
  }
}

/** A folder for PATH with an `abcd` that completes, and for all else only says what it was given. */
async function commandFolder(path: string): Promise<string> {
  const command = abcdCommand().map(quote).join(" ");
  const text = `#!/bin/sh\ncase $1 in completion) exec ${command} "$@";; esac\necho "GOT:$*."\n`;
  await Deno.writeTextFile(`${path}/abcd`, text, { mode: 0o755 });
  return path;
}

const SHELLS: { readonly [shell: string]: { readonly args: string; readonly setup: string } } = {
  bash: { args: "--norc --noprofile -i", setup: `eval "$(abcd completion bash)"` },
  zsh: {
    args: "-f -i",
    setup: `autoload -U compinit; compinit -u -D; eval "$(abcd completion zsh)"`,
  },
};

for (const [shell, { args, setup }] of Object.entries(SHELLS)) {
  Deno.test(`completion: Tab in ${shell}`, async () => {
    if (!await hasTerminals()) return console.log("left out: there is no script(1) of util-linux");
    if (!await hasShell(shell)) return console.log(`left out: there is no ${shell}`);
    await using lab = await Lab.create({
      cryo: { cmd: "sleep 1000" },
      pressure: { cmd: "sleep 1000" },
    });
    await using hub = await TestHub.start();
    await using run = lab.run(...hub.clientArgs);
    await run.saw(/in hub/);
    await using folder = await temporaryFolder();
    const bin = await commandFolder(folder.path);
    await using terminal = new Running(["script", "-qfec", `${shell} ${args}`, "/dev/null"], {
      stdin: "piped",
      cwd: folder.path,
      env: {
        PATH: `${bin}:${Deno.env.get("PATH")}`,
        HISTFILE: "",
        TERM: "dumb",
        ABCD_SERVER: hub.address,
      },
    });
    await terminal.type(`${setup}; echo SET"UP"\n`);
    await terminal.saw(/SETUP/);
    for (
      const [typed, got] of [
        ["abcd stop cr\t", "GOT:stop cryo."],
        ["abcd restart --wa\t1\t", "GOT:restart --wait 1."],
        ["abcd sim hv --fol\t", "GOT:sim hv --folder."],
      ] as const
    ) {
      // A busy computer may be slower than who waits at the keyboard is patient: then once more.
      for (let tries = 5; tries > 0 && !terminal.stdout.includes(got); tries--) {
        const seen = terminal.stdout.length;
        await terminal.type(`${typed}\n`);
        await until(() => terminal.stdout.slice(seen).includes("GOT:"), "abcd is not called");
      }
      assertStringIncludes(terminal.stdout, got);
    }
    await terminal.type("exit\n");
    await terminal.end();
  });
}

Deno.test("completion: Tab in fish", async () => {
  if (!await hasShell("fish")) return console.log("left out: there is no fish");
  await using lab = await Lab.create({ cryo: { cmd: "sleep 1000" } });
  await using hub = await TestHub.start();
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  await using folder = await temporaryFolder();
  const bin = await commandFolder(folder.path);
  const script =
    `abcd completion fish | source; complete -C "abcd stop c"; complete -C "abcd wh"; ` +
    `complete -C "abcd stop --wa"; touch lab.jsonc; complete -C "abcd run la"`;
  const fish = new Deno.Command("fish", {
    args: ["--no-config", "-c", script],
    cwd: folder.path,
    env: {
      PATH: `${bin}:${Deno.env.get("PATH")}`,
      XDG_CONFIG_HOME: `${folder.path}/config`,
      ABCD_SERVER: hub.address,
    },
  });
  let words = "";
  for (let tries = 5; tries > 0 && !words.includes("cryo\n"); tries--) {
    words = new TextDecoder().decode((await fish.output()).stdout);
  }
  for (const word of ["cryo\n", "why\n", "--wait\n", "lab.jsonc\n"]) {
    assertStringIncludes(words, word);
  }
});
