// One start of a program, which does not depend on who started it: a shell holds it, its output goes
// straight to its log file, and what is to be known of it lies in two small files and in /proc.
//
// So a controller that comes later sees exactly what the one that started it saw.

import {
  bootId,
  commandLine,
  listProcesses,
  parseStat,
  type ProcessStat,
  readProcess,
  startedAt,
  startVariable,
} from "./proc_fs.ts";
import { whyNoCommand, whyNoFolder } from "./command_path.ts";
import { HOLD, HOLD_IN_SCREEN, HOLDER_NAME } from "./holder.ts";
import { screenArguments, screenSettings } from "./screen.ts";

/** The variable that marks a process, and all that come of it, as of one start. */
export const RUN_ID = "ABCD_RUN_ID";

/** Options of {@linkcode startProgram}. */
export interface StartOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Beside what this process has. */
  readonly env: { readonly [name: string]: string };
  /** Its output, both streams, is appended here. */
  readonly logPath: string;
  /** Names this start among all, also those of other experiments. */
  readonly id: string;
  /** Where its files go: `BASE.pid` and `BASE.exit`. */
  readonly base: string;
  /** The session of GNU screen that it runs in. Absent: it has no terminal. */
  readonly screen?: string;
}

/** How a program ended. Neither code nor signal: nobody was there to see it. */
export interface Ended {
  readonly code?: number;
  readonly signal?: string;
  readonly coreDumped: boolean;
  /** Its process, and when that started in seconds since the boot; not known if it never ran. */
  readonly pid?: number;
  readonly startedAt?: number;
  /** Unix time in seconds; not known if it never ran. */
  readonly started?: number;
  readonly ended?: number;
}

/** What is known of a start now. */
export type StartView =
  | { readonly state: "starting" }
  | { readonly state: "alive"; readonly pid: number }
  | { readonly state: "ended"; readonly ended: Ended };

/** One start of a program, by this process or by one before it. */
export interface Start {
  readonly id: string;
  /** The program's process and its group; `undefined` until it is known. */
  readonly pid: number | undefined;
  /** Looks. Once it has ended, the answer stays. */
  look(): StartView;
  /** Whether anything of its group is left, or may be. */
  hasGroup(all?: readonly ProcessStat[]): boolean;
  /** Sends a signal to the whole group; false if there is none (yet, or any more). */
  signal(signal: Deno.Signal): boolean;
  /** The process of GNU screen that it runs in, if it does. */
  readonly screenPid: number | undefined;
  /** Why nothing is known of it now; `undefined`: it can be looked at. */
  readonly trouble: string | undefined;
  /** Resolves when the shell that held it ended; never if it is not this process' child. */
  readonly shellEnded: Promise<void>;
  /** Whether its end is told by {@linkcode Start.shellEnded}: nobody has to look for it. */
  readonly tellsEnd: boolean;
}

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

/** Processes that were started with this id, and what came of them. */
export function carriers(id: string, all = listProcesses()): ProcessStat[] {
  return all.filter(({ pid }) => startVariable(pid, RUN_ID) === id);
}

/** Every start of which a process lives, whose id begins so. */
export function liveStarts(prefix: string): Map<string, ProcessStat[]> {
  const found = new Map<string, ProcessStat[]>();
  for (const stat of listProcesses()) {
    const id = startVariable(stat.pid, RUN_ID);
    if (id?.startsWith(prefix)) found.set(id, [...found.get(id) ?? [], stat]);
  }
  return found;
}

/** Whether a process is the shell that holds a program, or was called by it. */
export function isHolder(pid: number): boolean {
  return commandLine(pid).includes(` ${HOLDER_NAME} `);
}

/** Whether one of these processes is the shell that holds the program. */
export function isHeld(processes: readonly ProcessStat[]): boolean {
  return processes.some(({ pid }) => isHolder(pid));
}

/** The program of a start, by its shell: the one process of that which leads a session. */
function heldBy(id: string): ProcessStat | undefined {
  const all = carriers(id);
  const holders = all.filter(({ pid }) => isHolder(pid)).map(({ pid }) => pid);
  return all.find(({ pid, session, parent }) => session === pid && holders.includes(parent));
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

  /** The process that wrote itself down, if it did so since the boot. */
  function identify(): void {
    const text = readText(`${base}.pid`);
    const [boot, line] = (text ?? "").split("\n");
    if (boot === bootId()) identity ??= parseStat(line ?? "");
    // The disk was full, or somebody removed the file. It is not looked for while it is on its way.
    if (text !== undefined || inScreen) return;
    if (child === undefined || performance.now() - madeAt > UNWRITTEN_MS) identity ??= heldBy(id);
  }

  function finish(how: Pick<Ended, "code" | "signal">): StartView {
    const coreDumped = /core dumped/.test(readText(`${base}.text`) ?? "");
    const at = writtenAt(`${base}.exit`) ?? Date.now() / 1000;
    ended = {
      ...how,
      coreDumped,
      pid: identity?.pid,
      startedAt: identity === undefined ? undefined : startedAt(identity),
      started: writtenAt(`${base}.pid`) ?? begun,
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
    const known = fromFile();
    if (identity === undefined) identify();
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

  function group(all: readonly ProcessStat[] = listProcesses()): readonly ProcessStat[] {
    if (identity === undefined) return [];
    const { pid, startTicks } = identity;
    const members = all.filter((stat) => stat.group === pid);
    // The number may be somebody else's by now: then neither its leader nor its members are ours.
    const ours = members.some((stat) =>
      stat.pid === pid ? stat.startTicks === startTicks : startVariable(stat.pid, RUN_ID) === id
    );
    return ours ? members : [];
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
    trouble: undefined,
    signal(signal) {
      if (identity === undefined) identify();
      if (identity === undefined) return false;
      // A look at all processes only if the leader is gone: then its number may be another's by now.
      if (!isSame(identity) && group().length === 0) return false;
      try {
        Deno.kill(-identity.pid, signal);
      } catch (error) {
        if (group().length > 0) throw error;
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
