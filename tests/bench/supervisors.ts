// What deno task bench supervise sets side by side: abcd run, and supervisord, each started on the
// same programs by the same steps.

import { selfCommand } from "../../lib/process/self.ts";

/** A program to keep running: a line for the shell. */
export interface Job {
  readonly name: string;
  readonly line: string;
}

/** A supervisor that runs some programs. */
export interface Supervised {
  /** Its own process. */
  readonly pid: number;
  /** The file that a program's output is in. */
  output(name: string): string;
  /** SIGKILL to it, and a new one in its place. */
  replace(): Promise<Supervised>;
  /** Stops the programs, then itself. */
  stop(): Promise<void>;
}

/** A kind of supervisor. */
export interface Kind {
  readonly name: string;
  /** What to say of it; `undefined`: it is not installed. */
  version(): Promise<string | undefined>;
  start(jobs: readonly Job[], folder: string): Promise<Supervised>;
}

/** Room for all output: nothing is thrown away on purpose. */
const LOG_BYTES = 10_000_000;
const LOG_BACKUPS = 100;

function launch(command: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  const [program = "", ...args] = command;
  return new Deno.Command(program, {
    args,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

async function firstLine(command: readonly string[]): Promise<string | undefined> {
  try {
    const [program = "", ...args] = command;
    const { stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return new TextDecoder().decode(stdout).split("\n")[0];
  } catch {
    return undefined;
  }
}

async function stopped(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  await child.status;
  clearTimeout(killer);
}

/** This abcd, from its source or, if `binary` says where it is, compiled. */
export function abcdKind(name: string, binary?: string): Kind {
  const command = binary === undefined ? selfCommand() : [binary];

  async function start(jobs: readonly Job[], folder: string): Promise<Supervised> {
    const log = { maxBytes: LOG_BYTES, backups: LOG_BACKUPS };
    const run = Object.fromEntries(
      jobs.map(({ name, line }) => [name, { cmd: line, shell: true }]),
    );
    const file = `${folder}/bench.jsonc`;
    // The others start a program again at once: so does this one here.
    const defaults = { restartSec: 0, log };
    await Deno.writeTextFile(file, JSON.stringify({ defaults, run }));
    const child = launch([...command, "run", file, "--beacon-port=1"], {
      XDG_STATE_HOME: `${folder}/state`,
    });
    return {
      pid: child.pid,
      output: (name) => `${folder}/state/abcd/bench/log/${name}.log`,
      async replace() {
        child.kill("SIGKILL");
        await child.status;
        return await start(jobs, folder);
      },
      stop: () => stopped(child),
    };
  }
  async function version(): Promise<string | undefined> {
    const own = await firstLine([...command, "--version"]);
    // Which Deno is in a binary is not told by it.
    return binary === undefined && own !== undefined ? `${own}, Deno ${Deno.version.deno}` : own;
  }
  return { name, start, version };
}

/** Supervisor's supervisord, in the foreground. */
export const SUPERVISORD: Kind = {
  name: "supervisord",
  version: () => firstLine(["supervisord", "--version"]),
  async start(jobs, folder) {
    const lines = [
      "[supervisord]",
      "nodaemon=true",
      "user=root",
      `logfile=${folder}/supervisord.log`,
      `pidfile=${folder}/supervisord.pid`,
      `childlogdir=${folder}`,
      ...jobs.flatMap(({ name, line }) => [
        `[program:${name}]`,
        `command=/bin/sh -c "${line.replaceAll("%", "%%").replaceAll('"', '\\"')}"`,
        "autorestart=true",
        "redirect_stderr=true",
        `stdout_logfile=${folder}/${name}.log`,
        `stdout_logfile_maxbytes=${LOG_BYTES}`,
        `stdout_logfile_backups=${LOG_BACKUPS}`,
      ]),
    ];
    await Deno.writeTextFile(`${folder}/supervisord.conf`, lines.join("\n") + "\n");
    const child = launch(["supervisord", "-c", `${folder}/supervisord.conf`]);
    return {
      pid: child.pid,
      output: (name) => `${folder}/${name}.log`,
      async replace() {
        child.kill("SIGKILL");
        await child.status;
        return await SUPERVISORD.start(jobs, folder);
      },
      stop: () => stopped(child),
    };
  },
};

/** The output of a program, oldest first, whatever was moved aside. */
export async function* outputOf(path: string): AsyncGenerator<Uint8Array> {
  for (let i = LOG_BACKUPS; i >= 0; i--) {
    try {
      const file = await Deno.open(i === 0 ? path : `${path}.${i}`);
      yield* file.readable;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
