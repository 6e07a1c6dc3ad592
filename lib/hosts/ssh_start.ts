// Starts of programs on another computer, through ssh. What a start is there is asked about once a
// second, and its output brought over: so here it looks like a start on this computer.

import { fromShell } from "../process/spawn.ts";
import type { Start, StartView } from "../process/start_contract.ts";
import { RUN_ID } from "../process/start_processes.ts";
import { CHUNK_BYTES, forgetScript, lookScript, startScript } from "./ssh_script.ts";
import type { Launcher } from "../run/local_contract.ts";
import { LOOKS_HERE } from "../process/look.ts";
import { sshLooks, sshSeen } from "./ssh_looks.ts";
import { createSshShell, SshError, type SshShell } from "./ssh_shell.ts";

/** Another computer, on which programs are started through ssh as soon as it can be reached. */
export interface SshHost extends Launcher, Disposable {}

const LOOK_MS = 1000;
/** The longest time between two tries to reach it, in milliseconds. */
const RETRY_MS = 15_000;
/** Behind the end of each log, in bytes: nothing is brought over from there. */
const NOTHING = Number.MAX_SAFE_INTEGER - 1;
/** How long a start may take to write down its pid, in milliseconds. */
const PID_MS = 10_000;

interface Looked {
  readonly never: boolean;
  readonly pid: number | undefined;
  readonly isAlive: boolean;
  readonly hasGroup: boolean;
  readonly signalled: boolean;
  readonly code: number | undefined;
  readonly output: Uint8Array;
}

/** Reads what `lookScript` writes. */
function parseLook(text: string): Looked {
  const [head = "", tail = ""] = text.split(/^log$/m);
  const lines = head.split("\n");
  const value = (word: string) => {
    const found = lines.find((line) => line.startsWith(`${word} `));
    return found === undefined ? undefined : Number(found.slice(word.length + 1));
  };
  const alive = value("alive");
  const bytes = atob(tail.replaceAll(/\s/g, ""));
  return {
    never: lines.includes("never"),
    pid: alive ?? value("gone"),
    isAlive: alive !== undefined,
    hasGroup: lines.includes("group"),
    signalled: lines.includes("signalled"),
    code: value("exit"),
    output: Uint8Array.from(bytes, (c) => c.charCodeAt(0)),
  };
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** The name of a start's files on the other computer. */
function nameOf(id: string): string {
  const [folder = "", program = "", token = ""] = id.split(":").slice(-3);
  const experiment = folder.slice(folder.lastIndexOf("/") + 1);
  return `${experiment}.${program}.${token}`.replaceAll(/[^A-Za-z0-9._-]/g, "_");
}

/**
 * Appends what is brought over, each byte once, also if this process is killed at any moment: before
 * it writes, it writes down how long the log is and how much comes.
 */
function openFetched(path: string, logPath: string) {
  const [at = 0, size = 0, length = 0] = readText(path).split(" ").map(Number);
  // What was not written when the process before this one was killed is fetched again.
  const written = Math.min(length, Math.max(0, sizeOf(logPath) - size));
  let from = length === 0 ? at : at + written;
  return {
    get from() {
      return from;
    },
    append(bytes: Uint8Array): void {
      if (bytes.length === 0) return;
      Deno.writeTextFileSync(`${path}.new`, `${from} ${sizeOf(logPath)} ${bytes.length}`);
      Deno.renameSync(`${path}.new`, path);
      using file = Deno.openSync(logPath, { append: true, create: true });
      for (let done = 0; done < bytes.length;) {
        const count = file.writeSync(bytes.subarray(done));
        done += count;
        from += count;
      }
    },
  };
}

/**
 * Makes the host; it is not reached before something is started on it.
 *
 * @param lookMs Between two looks, in milliseconds; longer while it cannot be reached.
 */
export function createSshHost(
  host: string,
  shell: SshShell = createSshShell(host),
  lookMs = LOOK_MS,
): SshHost {
  const over = new AbortController();
  const { signal: gone } = over;
  /** Starts that are followed, and those of them whose files there are removed. */
  const live = new Set<string>();
  const forgotten = new Set<string>();

  function pause(ms: number, wake: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      wake.then(done);
      gone.addEventListener("abort", done, { once: true });
    });
  }

  /** `script`: what starts it; absent: somebody else has. */
  function follow(id: string, base: string, logPath: string, script: string | undefined): Start {
    const name = nameOf(id);
    const fetched = openFetched(`${base}.fetched`, logPath);
    /** When it was started or, by somebody else before, looked for first; on a clock that nobody sets. */
    let since = performance.now();
    let view: StartView = { state: "starting" };
    let pid: number | undefined;
    let hasGroup = true;
    let trouble: string | undefined;
    let wanted: Deno.Signal | undefined;
    let cancelled = false;
    let toStart = script;
    let isLost = false;
    /** Its output could not be written here, and is tried again then; `-Infinity`: it could be. */
    let fetchAt = -Infinity;
    let wake = Promise.withResolvers<void>();

    function end(how: { readonly code?: number; readonly signal?: string }): void {
      const ended = Date.now() / 1000;
      view = {
        state: "ended",
        ended: {
          ...how,
          coreDumped: false,
          pid,
          started: pid === undefined ? undefined : ended - (performance.now() - since) / 1000,
          ended,
        },
      };
    }

    function say(text: string): void {
      Deno.writeTextFileSync(logPath, `abcd: ${text}\n`, { append: true });
    }

    /**
     * Whether there is more. A full disk here must not hide what becomes of the program: its output is
     * brought over when there is room again.
     */
    function fetch(output: Uint8Array): boolean {
      try {
        fetched.append(output);
        fetchAt = -Infinity;
        return output.length >= CHUNK_BYTES;
      } catch {
        // the disk is watched, and an alarm long since
        fetchAt = performance.now() + RETRY_MS;
        return false;
      }
    }

    /** Nothing of it runs, and all that it wrote is here. */
    const isOver = () =>
      view.state === "ended" && !hasGroup && (fetchAt === -Infinity || forgotten.has(id));

    /** One question; whether there is more to be brought over at once. */
    async function look(): Promise<boolean> {
      if (toStart !== undefined && !cancelled) {
        const [, failed] = /^failed (.*)$/m.exec(await shell.run(toStart)) ?? [];
        toStart = undefined;
        since = performance.now();
        if (failed !== undefined) {
          say(`cannot start it on ${host}: ${failed}`);
          hasGroup = false;
          end({ code: 127 });
          return false;
        }
      }
      const signal = wanted;
      const isFetch = performance.now() >= fetchAt;
      const from = isFetch ? fetched.from : NOTHING;
      const looked = parseLook(await shell.run(lookScript(name, id, from, signal)));
      if (looked.signalled && wanted === signal) wanted = undefined;
      const isMore = isFetch && fetch(looked.output);
      pid = looked.pid ?? pid;
      hasGroup = looked.hasGroup;
      if (looked.never) {
        end({});
      } else if (view.state === "ended" || isMore) {
        return isMore;
      } else if (looked.code !== undefined) {
        end(fromShell(looked.code));
      } else if (looked.isAlive && pid !== undefined) {
        view = { state: "alive", pid };
        isLost = false;
      } else if (pid !== undefined || performance.now() > since + PID_MS) {
        // Its shell tells how it ended, in a moment; if not, nobody can.
        if (isLost) end({});
        isLost = true;
      }
      return false;
    }

    async function run(): Promise<void> {
      let delay = lookMs;
      while (!gone.aborted && !isOver()) {
        let isMore = false;
        try {
          isMore = await look();
          trouble = undefined;
          delay = lookMs;
        } catch (error) {
          if (gone.aborted) return;
          const why = error instanceof Error ? error.message : String(error);
          trouble = error instanceof SshError
            ? `${host} cannot be reached by ssh: ${why}`
            : `Cannot follow it on ${host}: ${why}`;
          delay = Math.min(RETRY_MS, delay * 2);
        }
        if (isMore) continue;
        await pause(delay, wake.promise);
        wake = Promise.withResolvers();
      }
      forgotten.delete(id);
      live.delete(id);
    }

    live.add(id);
    run();
    return {
      id,
      get pid() {
        return pid;
      },
      look: () => view,
      // What is over there is no file that somebody removes here.
      remember() {},
      hasGroup: () => hasGroup,
      get trouble() {
        return trouble;
      },
      signal(signal) {
        if (view.state === "ended" && !hasGroup) return false;
        // A start that is not under way is none any more.
        cancelled = true;
        wake.resolve();
        if (pid === undefined) return false;
        wanted = signal;
        return true;
      },
      screenPid: undefined,
      shellEnded: new Promise(() => {}),
      tellsEnd: false,
    };
  }

  return {
    start({ argv, cwd, env, logPath, id, base, screen }) {
      const variables = { ...env, [RUN_ID]: id };
      const script = startScript({ name: nameOf(id), argv, cwd, env: variables, screen });
      Deno.mkdirSync(logPath.slice(0, logPath.lastIndexOf("/")), { recursive: true });
      return follow(id, base, logPath, script);
    },
    adopt: (id, base, logPath) => follow(id, base, logPath, undefined),
    forget(id, base) {
      if (live.has(id)) forgotten.add(id);
      shell.run(forgetScript(nameOf(id))).catch(() => {});
      try {
        Deno.removeSync(`${base}.fetched`);
      } catch {
        // not there
      }
    },
    looks: sshLooks(shell, LOOKS_HERE),
    seen: sshSeen(shell),
    [Symbol.dispose]() {
      over.abort();
      shell[Symbol.dispose]();
    },
  };
}
