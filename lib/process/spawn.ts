// A program of the experiment: in its own session and process group, its output in a log file.

import { createRotatingFile } from "./log_file.ts";

/** Options of {@linkcode spawnProgram}. */
export interface SpawnOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: { readonly [name: string]: string };
  /** Its output, both streams. */
  readonly logPath: string;
  readonly maxBytes: number;
  readonly backups: number;
  /** Told once of a log that cannot be written. */
  readonly onLogError: (error: Error) => void;
}

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly signal?: string;
}

/** A program that was started. */
export interface Spawned {
  readonly pid: number;
  /** Its last lines of output, oldest first; 20 at most. */
  readonly lastLines: readonly string[];
  /** When the process ended; its group may live on. */
  readonly ended: Promise<Ended>;
  /** Sends a signal to the whole group; nothing if there is none any more. */
  killGroup(signal: Deno.Signal): void;
  /** Whether any process of the group runs. */
  groupAlive(): boolean;
}

const LINES = 20;
const LINE_CHARS = 1000;

/** Whether a process of this group runs; one that waits to be reaped does not. */
function isGroupAlive(group: number): boolean {
  if (Deno.build.os !== "linux") {
    try {
      Deno.kill(-group, "SIGCONT");
      return true;
    } catch {
      return false;
    }
  }
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(pgrp) === group && state !== "Z" && state !== "X") return true;
    } catch {
      // it ended while we looked
    }
  }
  return false;
}

/**
 * Starts a program.
 *
 * @throws {Deno.errors.NotFound} If there is no such command or folder.
 * @throws {Error} If the operating system refuses, or the log cannot be opened.
 */
export function spawnProgram(options: SpawnOptions): Spawned {
  const { logPath: path, maxBytes, backups } = options;
  const [command = "", ...args] = options.argv;
  const file = createRotatingFile({ path, maxBytes, backups });
  file.write(new Uint8Array());
  const child = new Deno.Command(command, {
    args,
    cwd: options.cwd,
    env: { ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const { pid } = child;
  const lastLines: string[] = [];
  let logFails = false;

  async function pump(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    const keep = (line: string) => {
      lastLines.push(line.slice(0, LINE_CHARS));
      if (lastLines.length > LINES) lastLines.shift();
    };
    for await (const bytes of stream) {
      try {
        file.write(bytes);
        logFails = false;
      } catch (error) {
        // The program must not stall for a full disk: its output is read on.
        if (!logFails) options.onLogError(error instanceof Error ? error : new Error(`${error}`));
        logFails = true;
      }
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(-LINE_CHARS);
      for (const line of lines.slice(-LINES)) keep(line.replace(/\r$/, ""));
    }
    if (rest !== "") keep(rest);
  }

  const pumps = Promise.allSettled([pump(child.stdout), pump(child.stderr)]);
  pumps.then(() => file[Symbol.dispose]());
  const end = async (): Promise<Ended> => {
    const { code, signal } = await child.status;
    // The rest of the output, if nobody else holds the pipes.
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([pumps, new Promise((resolve) => timer = setTimeout(resolve, 300))]);
    clearTimeout(timer);
    return { code, ...(signal === null ? {} : { signal }) };
  };
  return {
    pid,
    lastLines,
    ended: end(),
    killGroup(signal) {
      try {
        Deno.kill(-pid, signal);
      } catch (error) {
        if (isGroupAlive(pid)) throw error;
      }
    },
    groupAlive: () => isGroupAlive(pid),
  };
}
