// One start of a program, which does not depend on who started it: a shell holds it, its output goes
// straight to its log file, and what is to be known of it lies in two small files and in /proc.
//
// So a controller that comes later sees exactly what the one that started it saw.

import {
  bootId,
  listProcesses,
  parseStat,
  type ProcessStat,
  readProcess,
  startedAt,
  startVariable,
  uptime,
} from "./proc_fs.ts";
import { whyNoCommand, whyNoFolder } from "./command_path.ts";
import { HOLD, HOLD_IN_SCREEN, HOLDER_NAME } from "./holder.ts";
import { screenArguments, screenSettings } from "./screen.ts";
import type { Ended, Start, StartOptions, StartView } from "./start_contract.ts";
import { carriers, heldBy, isHeld, jobsOf, RUN_ID } from "./start_processes.ts";

/** Linux's signals by their number, from 1. */
const SIGNALS = ("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT " +
  "CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS").split(" ");

/** A program that has not written itself down after so long is looked for, in milliseconds. */
const UNWRITTEN_MS = 1000;

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function writtenAt(path: string): number | undefined {
  try {
    return (Deno.statSync(path).mtime?.getTime() ?? NaN) / 1000;
  } catch {
    return undefined;
  }
}

/** What `$?` of a shell says; 128 + n is the n-th signal. */
export function fromShell(code: number): Pick<Ended, "code" | "signal"> {
  const name = SIGNALS[code - 129];
  return name === undefined ? { code } : { code, signal: `SIG${name}` };
}

function makeStart(id: string, base: string, child?: Deno.ChildProcess): Start {
  const begun = writtenAt(`${base}.pid`) ?? Date.now() / 1000;
  let identity: ProcessStat | undefined;
  let ended: Ended | undefined;
  let shellRuns = child !== undefined;
  let shellCode: number | undefined;
  const inScreen = exists(`${base}.screen`);
  const madeAt = performance.now();
  const shellEnded = child === undefined ? new Promise<void>(() => {}) : child.status.then(
    ({ code, signal }) => {
      shellRuns = false;
      // What screen ends with says nothing of the program in it.
      if (signal === null && !inScreen) shellCode = code;
    },
  );

  /** Who wrote itself down; with `isNow`: if it did so since the boot. */
  function written(isNow: boolean): ProcessStat | undefined {
    const [boot, line = ""] = (readText(`${base}.pid`) ?? "").split("\n");
    return isNow && boot !== bootId() ? undefined : parseStat(line);
  }

  function identify(): void {
    identity ??= written(true);
    if (identity !== undefined || inScreen) return;
    // The disk was full, or somebody removed the file. It is not looked for while it is on its way.
    if (child === undefined || performance.now() - madeAt > UNWRITTEN_MS) {
      identity ??= heldBy(id);
      remember();
    }
  }

  /** When it began, if it ended then: by no clock that may have been set while it ran. */
  function beganBefore(end: number): number | undefined {
    const now = uptime();
    if (identity === undefined || now === undefined) return undefined;
    const sinceBegin = now - startedAt(identity);
    const sinceEnd = Math.min(sinceBegin, Math.max(0, Date.now() / 1000 - end));
    return end - (sinceBegin - sinceEnd);
  }

  function finish(how: Pick<Ended, "code" | "signal">): StartView {
    const coreDumped = /core dumped/.test(readText(`${base}.text`) ?? "");
    const at = writtenAt(`${base}.exit`) ?? Date.now() / 1000;
    ended = {
      ...how,
      coreDumped,
      pid: identity?.pid,
      startedAt: identity === undefined ? undefined : startedAt(identity),
      started: beganBefore(at) ?? writtenAt(`${base}.pid`) ?? begun,
      ended: at,
    };
    return { state: "ended", ended };
  }

  function fromFile(): StartView | undefined {
    const text = (readText(`${base}.exit`) ?? "").trim();
    return /^\d+$/.test(text) ? finish(fromShell(Number(text))) : undefined;
  }

  function isSame({ pid, startTicks }: ProcessStat): boolean {
    return readProcess(pid)?.startTicks === startTicks;
  }

  function look(): StartView {
    if (ended !== undefined) return { state: "ended", ended };
    if (identity === undefined) identify();
    const known = fromFile();
    if (known !== undefined) return known;
    if (shellCode !== undefined) return finish(fromShell(shellCode));
    if (identity !== undefined && isSame(identity)) return { state: "alive", pid: identity.pid };
    // It is gone, or not there yet. Its shell says which, in a moment, if that is still there.
    const shell = shellRuns ||
      (identity === undefined
        ? isHeld(carriers(id))
        : startVariable(identity.parent, RUN_ID) === id);
    if (shell) {
      return identity === undefined ? { state: "starting" } : { state: "alive", pid: identity.pid };
    }
    return fromFile() ?? finish({});
  }

  /**
   * Its group, and what else there is of its session: a shell with job control, or who calls setpgid,
   * makes groups of its own, which are as much the program's.
   */
  function group(all: readonly ProcessStat[] = listProcesses()): readonly ProcessStat[] {
    if (identity === undefined) return [];
    const { pid, startTicks } = identity;
    const members = all.filter((stat) => stat.group === pid || stat.session === pid);
    // The number may be somebody else's by now: then neither its leader nor its members are ours.
    const ours = members.some((stat) =>
      stat.pid === pid ? stat.startTicks === startTicks : startVariable(stat.pid, RUN_ID) === id
    );
    return ours ? members : [];
  }

  /** Writes down who it is where that is missing, for a controller that comes after this one. */
  function remember(): void {
    if (identity === undefined || !isSame(identity) || written(false) !== undefined) return;
    try {
      const stat = readText(`/proc/${identity.pid}/stat`);
      Deno.writeTextFileSync(`${base}.new`, `${bootId()}\n${stat}`);
      Deno.renameSync(`${base}.new`, `${base}.pid`);
    } catch {
      // told by who looks after the folder
    }
  }

  return {
    id,
    get pid() {
      return identity?.pid;
    },
    get screenPid() {
      const shell = inScreen && identity !== undefined ? readProcess(identity.parent) : undefined;
      return shell?.parent;
    },
    look,
    hasGroup: (all) => group(all).length > 0,
    remember() {
      if (identity === undefined) identify();
      remember();
    },
    trouble: undefined,
    signal(signal) {
      if (identity === undefined) identify();
      if (identity === undefined) return false;
      const { pid } = identity;
      // A look at all processes costs: not where the leader can be asked.
      const isThere = isSame(identity);
      const members = isThere && signal !== "SIGKILL" ? jobsOf(pid) : group();
      if (!isThere && members.length === 0) return false;
      for (const one of new Set([pid, ...members.map((member) => member.group)])) {
        try {
          Deno.kill(-one, signal);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound) && group().length > 0) throw error;
        }
      }
      return true;
    },
    shellEnded,
    get tellsEnd() {
      return shellRuns;
    },
  };
}

/** A start that a controller before this one made. */
export function adoptStart(id: string, base: string): Start {
  return makeStart(id, base);
}

/** Removes what a start left in files. */
export function forgetStart(base: string): void {
  for (const end of ["pid", "exit", "text", "tmp", "new", "screen"]) {
    try {
      Deno.removeSync(`${base}.${end}`);
    } catch {
      // not there
    }
  }
}

function makeFolderOf(path: string): void {
  try {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  } catch {
    // told by who looks after the folder
  }
}

/**
 * Starts a program in a session and process group of its own. It goes on when this process ends.
 *
 * @throws {Deno.errors.NotFound} If there is no such command or folder.
 * @throws {Error} If the operating system refuses, such as for want of processes.
 */
export function startProgram(options: StartOptions): Start {
  const { argv, cwd, env, logPath, id, base, screen } = options;
  const [command = ""] = argv;
  const folder = whyNoFolder(cwd);
  if (folder !== undefined) throw new Deno.errors.NotFound(folder);
  const why = whyNoCommand(command, cwd, env.PATH ?? Deno.env.get("PATH") ?? "");
  if (why !== undefined) throw new Deno.errors.NotFound(why);
  if (screen !== undefined) {
    if (whyNoCommand("screen", cwd, Deno.env.get("PATH") ?? "") !== undefined) {
      throw new Deno.errors.NotFound(
        'GNU screen is not installed (apt install screen), and the program has "screen": true',
      );
    }
    Deno.writeTextFileSync(`${base}.screen`, screenSettings(logPath));
  }
  // Where there can be no log, or none of the start's own files, it runs without: data comes first.
  for (const path of [logPath, base]) makeFolderOf(path);
  const child = new Deno.Command(screen === undefined ? "/bin/sh" : "screen", {
    args: screen === undefined
      ? ["-c", HOLD, HOLDER_NAME, logPath, base, ...argv]
      : screenArguments(screen, `${base}.screen`, [
        ...["/bin/sh", "-c", HOLD_IN_SCREEN, HOLDER_NAME, base],
        ...argv,
      ]),
    cwd,
    env: { ...env, [RUN_ID]: id },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    // A session of its own: no Ctrl-C of a terminal reaches it, no closed window.
    detached: true,
  }).spawn();
  child.unref();
  return makeStart(id, base, child);
}
