// A terminal for tests: the program's input and output are a pseudo-terminal's, made by script(1).

import { abcdCommand, PATIENCE_MS, Running, until, within } from "./harness.ts";

/** Whether there is script(1) of util-linux, which makes pseudo-terminals. */
export async function hasTerminals(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("script", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** The command of script(1) that gives abcd a terminal, as {@linkcode abcdOnTerminal} has it. */
function onTerminal(args: readonly string[]): string[] {
  const line = [...abcdCommand(), ...args].map(quote).join(" ");
  const shell = `stty rows 20 cols 80; echo "<before $(stty -g)>"; trap : INT QUIT; ` +
    `sh -c 'echo "<pid $$>"; exec "$@"' sh ${line}; echo "<after $? $(stty -g)>"`;
  return ["script", "-qfec", shell, "/dev/null"];
}

const ENV = { TERM: "xterm", SHELL: "/bin/sh" };

/**
 * Starts abcd on a terminal of 80 columns and 20 rows. Around it a shell writes what `stty -g` says
 * of the terminal: `<before …>`, `<after CODE …>`; and `<pid N>`, abcd's own.
 */
export function abcdOnTerminal(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Running {
  return new Running(onTerminal(args), {
    stdin: "piped",
    ...options,
    env: { ...ENV, ...options.env },
  });
}

/** A terminal that reads when it is told to; it says what it has shown, as terminals do. */
export interface SlowTerminal extends AsyncDisposable {
  /** What it has read so far. */
  readonly text: string;
  type(keys: string): Promise<void>;
  /** Reads until the page, or what was written at last, is so. */
  reads(pattern: RegExp): Promise<void>;
}

/** Starts abcd on such a terminal, otherwise as {@linkcode abcdOnTerminal} does. */
export function slowTerminal(args: readonly string[], env: Record<string, string>): SlowTerminal {
  const [command = "", ...rest] = onTerminal(args);
  const child = new Deno.Command(command, {
    args: rest,
    env: { ...ENV, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.stdin.getWriter();
  const type = (keys: string) => writer.write(new TextEncoder().encode(keys));
  let text = "";
  return {
    get text() {
      return text;
    },
    type,
    async reads(pattern) {
      const seen = () => `${pattern} on the page:\n${pageOf(text)}`;
      for (const deadline = Date.now() + PATIENCE_MS; !pattern.test(pageOf(text));) {
        const { value, done } = await within(reader.read(), deadline - Date.now(), seen);
        if (done) throw new Error(`Cannot find ${seen()}`);
        text += value;
        // The rest of a question whose begin came with the piece before is not missed.
        const asked = (part: string) => part.split("\x1b[5n").length - 1;
        const answers = asked(text) - asked(text.slice(0, text.length - value.length));
        if (answers > 0) await type("\x1b[0n".repeat(answers));
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended
      }
      await child.status;
      await reader.cancel();
      await writer.abort().catch(() => {});
    },
  };
}

/** What a terminal shows to which this was written: lines without colours. Wide characters aside. */
export function pageOf(output: string): string {
  let lines: string[][] = [];
  let [row, column] = [0, 0];
  // deno-lint-ignore no-control-regex -- what terminals obey
  for (const [part, at = "", code] of output.matchAll(/\x1b\[([0-9;?]*)([A-Za-z])|[^]/gu)) {
    if (code === "H") {
      const [r = 1, c = 1] = at.split(";").map((n) => Number(n) || 1);
      [row, column] = [r - 1, c - 1];
    } else if (code === "K") {
      lines[row]?.splice(column);
    } else if (code === "J") {
      lines = [];
    } else if (part === "\n") {
      row++;
    } else if (part === "\r") {
      column = 0;
    } else if (code === undefined) {
      const line = lines[row] ??= [];
      while (line.length < column) line.push(" ");
      line[column++] = part;
    }
  }
  return Array.from(lines, (line) => (line ?? []).join("").trimEnd()).join("\n");
}

/** Waits until the terminal shows this; fails with what it shows if it never does. */
export async function shows(running: Running, pattern: RegExp): Promise<void> {
  try {
    await until(() => pattern.test(pageOf(running.stdout)), `${pattern}`);
  } catch (error) {
    throw new Error(`Cannot find ${pattern} on the page:\n${pageOf(running.stdout)}`, {
      cause: error,
    });
  }
}
