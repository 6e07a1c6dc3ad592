// What probes ask of a computer that is reached through ssh, and what runs there: over the connection
// that is there for its programs, beside the questions about those.

import type { Answer, ExecLook, Looks } from "../process/look.ts";
import { parseStat, type ProcessStat } from "../process/proc_fs.ts";
import type { Seen } from "../run/local_contract.ts";
import { quoteWord } from "./ssh_script.ts";
import type { SshShell } from "./ssh_shell.ts";

/** Between two looks at all processes of another computer, in milliseconds: its line may be slow. */
const SEEN_MS = 4000;

/** All processes but those of the kernel, whose parent is 2, or 0 for the first of them. */
const SEE = `getconf PAGESIZE; cat /proc/[0-9]*/stat 2>/dev/null | grep -v ') [A-Z] [02] '`;

/** What {@linkcode SEE} writes. */
function parseSeen(text: string): ProcessStat[] {
  const [pages = "", ...lines] = text.split("\n");
  return lines.flatMap((line) => parseStat(line, Number(pages) || undefined) ?? []);
}

/** Runs a command there, whose own time limit holds also if nobody is here any more. */
function execScript(
  argv: readonly string[],
  timeoutSec: number,
  cwd = ".",
  env: { readonly [name: string]: string } = {},
): string {
  const limit = `timeout -s KILL ${Math.ceil(timeoutSec)}`;
  return [
    `( cd ${quoteWord(cwd)} || exit 1`,
    ...Object.entries(env).map(([key, value]) => `export ${key}=${quoteWord(value)}`),
    `set -- ${argv.map(quoteWord).join(" ")}`,
    `command -v timeout >/dev/null && set -- ${limit} "$@"`,
    `exec "$@" )`,
  ].join("\n");
}

/** Whether a port is listened on, by the kernel's own list: no tool for it is everywhere. */
function listensLine(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return ["/bin/sh", "-c", `cat /proc/net/tcp /proc/net/tcp6 | grep -Eq ":${hex} 0+:0000 0A "`];
}

/** How long a look at a file or a port may take there, in seconds. */
const LOOK_SEC = 10;
/** What `timeout` says of a command that it has killed; and where there is no such tool, what is said here. */
const KILLED = 128 + 9;
/** What its answer may take on the line besides, in seconds. */
const LINE_SEC = 10;

/**
 * Asks the other computer. A port of `localhost` is one of that computer; others are connected to
 * from this one by `here`. What takes too long is killed there; no answer is none: it is the line.
 */
export function sshLooks(shell: SshShell, here: Looks): Looks {
  /** @param whyNot What an exit code says that is not 0. */
  async function holds(
    argv: readonly string[],
    timeoutSec: number,
    whyNot: (code: number) => string,
    { cwd, env }: Partial<ExecLook> = {},
  ): Promise<Answer> {
    try {
      const script = execScript(argv, timeoutSec, cwd, env);
      const code = await shell.begin(script, timeoutSec + LINE_SEC) ?? KILLED;
      return code === 0 || whyNot(code);
    } catch {
      return undefined; // not reached now: the programs there are shown to be so
    }
  }
  return {
    tcp: (host, port, signal) =>
      /^(localhost|127\.|::1$)/.test(host)
        ? holds(listensLine(port), LOOK_SEC, () => "nobody listens")
        : here.tcp(host, port, signal),
    file: (path) => holds(["test", "-e", path], LOOK_SEC, () => ""),
    exec: (look) =>
      holds(
        look.argv,
        look.timeoutSec,
        (code) => code === KILLED ? `no answer within ${look.timeoutSec} s` : `exit code ${code}`,
        look,
      ),
  };
}

/** The processes there, as they were seen last; asked for again if that is a while ago. */
export function sshSeen(shell: SshShell): () => Seen | undefined {
  let seen: Seen | undefined;
  let asked = -Infinity;
  let isAsking = false;

  async function ask(): Promise<void> {
    isAsking = true;
    asked = performance.now();
    try {
      const all = parseSeen(await shell.run(`( ${SEE} )`));
      seen = { all, at: performance.now() };
    } catch {
      seen = undefined; // not reached now
    }
    isAsking = false;
  }

  return () => {
    if (!isAsking && performance.now() - asked >= SEEN_MS) ask();
    return seen;
  };
}
