// The hub's keeper: starts the hub as a child, and starts it again when it dies or is stuck.
//
// The child shows that it is alive by touching its pid file. How long ago that was is counted with
// the monotonic clock from when a change of the file was seen, so a step of the wall clock, or a
// computer that slept, does nothing.

import type { Log } from "./log.ts";
import { pause } from "./pause.ts";

/** Options of {@linkcode superviseHub}. */
export interface SuperviseOptions {
  /** The child's command line. */
  childCommand: readonly string[];
  /** The file that the child touches with {@linkcode touchPidFile}. */
  pidFile: string;
  /** A child that has not touched its file for this long is killed and replaced. */
  timeoutSec: number;
  /** A child that starts has at least this long to touch its file for the first time. Default: 10. */
  startSec?: number;
  /** End in order: SIGTERM to the child, SIGKILL 10 s later. */
  stop: AbortSignal;
  /** End at once: SIGKILL to the child. */
  kill: AbortSignal;
  /** Given what passes a SIGHUP on to the child, whichever it is then. */
  onHangup?: (pass: () => void) => void;
  /** Where it says what it does. */
  log: Log;
}

const CHECK_MS = 1000;
const BACK_OFF_MS = 200;
const BACK_OFF_MAX_MS = 5000;
const STEADY_MS = 60_000;
const START_SEC = 10;
const GRACE_MS = 10_000;

/** The child finds the parent's process number here: when its own parent is another, it is an orphan. */
export const WATCHDOG_ENV = "ABCD_WATCHDOG_PID";

/** And here how often the parent has started it again. */
export const RESTARTS_ENV = "ABCD_WATCHDOG_RESTARTS";

/**
 * Writes the pid of this process to the file, and so sets its time; readers never see half of it. Where
 * the disk is full only the time is set, or, if there is no file yet, it is empty: who cannot write is
 * not stuck.
 *
 * @param isAgain It was there before: a folder that is gone, as somebody has cleared /tmp, is made again.
 * @throws {Error} If nothing of that can be done.
 */
export function touchPidFile(path: string, isAgain = false): void {
  const temporary = `${path}.${Deno.pid}.new`;
  const write = () => {
    Deno.writeTextFileSync(temporary, `${Deno.pid}\n`);
    Deno.renameSync(temporary, path);
  };
  try {
    try {
      write();
    } catch (error) {
      if (!isAgain || !(error instanceof Deno.errors.NotFound)) throw error;
      // It must not be there: in /tmp anybody may make one of this name, with links in it.
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { mode: 0o700 });
      write();
    }
  } catch (error) {
    try {
      const now = new Date();
      Deno.utimeSync(path, now, now);
      removePidFile(temporary);
    } catch {
      try {
        Deno.renameSync(temporary, path);
      } catch {
        throw error;
      }
    }
  }
}

/** What changes when the file is touched; undefined if there is none. */
function stampOf(path: string): string | undefined {
  try {
    const { mtime, ino } = Deno.statSync(path);
    return `${mtime?.getTime()} ${ino}`;
  } catch {
    return undefined;
  }
}

/** Removes the file if it is there. */
export function removePidFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // there is none
  }
}

function words(status: Deno.CommandStatus): string {
  return status.signal === null ? `exit code ${status.code}` : status.signal;
}

/** One life of the child: resolves when it has ended, by itself or by us. */
async function live(
  options: SuperviseOptions,
  restarts: number,
): Promise<{ status: Deno.CommandStatus; touched: boolean }> {
  const { childCommand, pidFile, timeoutSec, startSec = START_SEC, stop, kill, log } = options;
  const [program = "", ...args] = childCommand;
  removePidFile(pidFile);
  const child = new Deno.Command(program, {
    args,
    env: { [WATCHDOG_ENV]: String(Deno.pid), [RESTARTS_ENV]: String(restarts) },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    detached: true,
  }).spawn();
  log.debug("hub process started", { pid: child.pid });
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // it has ended
    }
  };

  let grace: ReturnType<typeof setTimeout> | undefined;
  const onStop = () => {
    signal("SIGTERM");
    grace ??= setTimeout(() => {
      log.error(`hub process does not end within ${GRACE_MS / 1000} s: killed`, { pid: child.pid });
      signal("SIGKILL");
    }, GRACE_MS);
  };
  const onKill = () => signal("SIGKILL");
  options.onHangup?.(() => signal("SIGHUP"));

  const checkMs = Math.min(CHECK_MS, timeoutSec * 1000 / 4);
  let stamp: string | undefined;
  let ageMs = 0;
  let last = performance.now();
  const check = () => {
    const now = performance.now();
    const seen = stampOf(pidFile);
    if (seen !== undefined && seen !== stamp) {
      stamp = seen;
      ageMs = 0;
    } else {
      // If this process was halted, the child may have been, too: that time does not count.
      ageMs += Math.min(now - last, 2 * checkMs);
    }
    last = now;
    const limitSec = stamp === undefined ? Math.max(startSec, timeoutSec) : timeoutSec;
    if (ageMs < limitSec * 1000 || stop.aborted) return;
    log.error(`hub process is stuck for ${limitSec} s: killed`, { pid: child.pid });
    ageMs = 0;
    signal("SIGKILL");
  };
  const timer = setInterval(check, checkMs);

  stop.addEventListener("abort", onStop);
  kill.addEventListener("abort", onKill);
  if (stop.aborted) onStop();
  if (kill.aborted) onKill();
  try {
    const status = await child.status;
    return { status, touched: stamp !== undefined || stampOf(pidFile) !== undefined };
  } finally {
    clearInterval(timer);
    clearTimeout(grace);
    stop.removeEventListener("abort", onStop);
    kill.removeEventListener("abort", onKill);
  }
}

/**
 * Runs the child until `stop` or `kill`, and starts it again whenever it dies or is stuck.
 *
 * A child that cannot work at all is not started again: one that exits with code 2 (wrong usage),
 * or at the very first start with code 1 before it touched its file (a port is taken).
 *
 * @returns The exit code for the parent.
 */
export async function superviseHub(options: SuperviseOptions): Promise<number> {
  const { pidFile, stop, kill, log } = options;
  const over = AbortSignal.any([stop, kill]);
  let backOffMs = BACK_OFF_MS;
  try {
    for (let restarts = 0; !over.aborted; restarts++) {
      const first = restarts === 0;
      const started = performance.now();
      const life = await live(options, restarts).catch((error) => {
        if (first) throw error;
        // There is no memory for it just now, say, or the program's file is being replaced.
        return error instanceof Error ? error.message : String(error);
      });
      if (typeof life === "string") {
        log.error(`Cannot start the hub: ${life}; tried again in ${backOffMs / 1000} s`);
        await pause(backOffMs, over);
        backOffMs = Math.min(2 * backOffMs, BACK_OFF_MAX_MS);
        continue;
      }
      const { status, touched } = life;
      const aliveMs = performance.now() - started;
      if (over.aborted) {
        return status.signal === null ? status.code : status.signal === "SIGTERM" ? 0 : 1;
      }
      const { code } = status;
      if (status.signal === null) {
        if (code === 2 || (first && code === 1 && !touched)) return code;
      }
      if (aliveMs >= STEADY_MS) backOffMs = BACK_OFF_MS;
      log.warn(`hub process ended (${words(status)}); starts again in ${backOffMs / 1000} s`);
      await pause(backOffMs, over);
      backOffMs = Math.min(2 * backOffMs, BACK_OFF_MAX_MS);
    }
    return 0;
  } finally {
    removePidFile(pidFile);
  }
}
