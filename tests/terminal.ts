// A terminal for tests: the program's input and output are a pseudo-terminal's, made by script(1).

import { abcdCommand, Running, until } from "./harness.ts";

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

/**
 * Starts abcd on a terminal of 80 columns and 20 rows. Around it a shell writes what `stty -g` says
 * of the terminal: `<before …>`, `<after CODE …>`; and `<pid N>`, abcd's own.
 */
export function abcdOnTerminal(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Running {
  const line = [...abcdCommand(), ...args].map(quote).join(" ");
  const shell = `stty rows 20 cols 80; echo "<before $(stty -g)>"; trap : INT QUIT; ` +
    `sh -c 'echo "<pid $$>"; exec "$@"' sh ${line}; echo "<after $? $(stty -g)>"`;
  return new Running(["script", "-qfec", shell, "/dev/null"], {
    stdin: "piped",
    ...options,
    env: { TERM: "xterm", SHELL: "/bin/sh", ...options.env },
  });
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
