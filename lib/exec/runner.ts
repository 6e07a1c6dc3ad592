// Runs commands for others: streams what they write, limits what they use, kills what takes too long.

import type { Outgoing } from "../client.ts";
import type { Log } from "../log.ts";

/** Options of {@linkcode createRunner}. */
export interface RunnerOptions {
  /** Sends a message; may throw, then the command's output is cut there. */
  send: (message: Outgoing) => void;
  /** Where it says what it does. */
  log: Log;
  /** How many commands may run at a time. Default 4. */
  maxCommands?: number;
  /** What one command may write, both streams together, in bytes. Default 1 MiB. */
  maxOutputBytes?: number;
  /** How long one command may run. Default 3600 s. */
  maxTimeSec?: number;
}

/** One command to run. */
export interface Job {
  /** Who asked, and gets the output. */
  readonly from: string;
  /** The `id` of the message that asked. */
  readonly id: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  /** Not more than the runner's `maxTimeSec`, which is the default. */
  readonly timeoutSec?: number;
}

/** Runs commands. */
export interface Runner {
  /** How many run now. */
  readonly running: number;
  /** Starts a command. Returns why it cannot, or undefined: then `exec-exit` follows. */
  start(job: Job): string | undefined;
  /** Ends a command that this client asked for. Returns whether there is one. */
  kill(from: string, id: string): boolean;
  /** Ends all commands (at once, if `kill`) and starts no more; resolves when all have ended. */
  close(kill?: AbortSignal): Promise<void>;
}

const MAX_COMMANDS = 4;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_TIME_SEC = 3600;
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 5000;
/** After the command's end: for output that is on its way. */
const DRAIN_MS = 1000;
/** So that a message stays small, even if JSON needs six bytes for each. */
const PIECE_BYTES = 32 * 1024;
/** `setTimeout` takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

/** The environment of a command: who asked for it is not to read the key in it. */
function withoutKey(): Pick<Deno.CommandOptions, "clearEnv" | "env"> {
  const { ABCD_KEY: key, ...env } = Deno.env.toObject();
  return key === undefined ? {} : { clearEnv: true, env };
}

/** Makes a runner. Each command runs in a process group of its own, which ends with it. */
export function createRunner(options: RunnerOptions): Runner {
  const {
    send,
    log,
    maxCommands = MAX_COMMANDS,
    maxOutputBytes = MAX_OUTPUT_BYTES,
    maxTimeSec = MAX_TIME_SEC,
  } = options;
  const jobs = new Map<string, { end: (now?: boolean) => void; done: Promise<void> }>();
  let closed = false;
  const keyOf = (from: string, id: string) => `${from} ${id}`;

  function start(job: Job): string | undefined {
    const { from, id, argv, cwd } = job;
    const key = keyOf(from, id);
    if (closed) return "Cannot run it: this program is ending";
    if (jobs.has(key)) return `Cannot run it: the id "${id}" is that of a command that runs`;
    if (jobs.size >= maxCommands) {
      return `Cannot run it: ${jobs.size} of ${maxCommands} commands are running`;
    }
    const [program, ...args] = argv;
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(program, {
        args,
        ...(cwd === undefined ? {} : { cwd }),
        ...withoutKey(),
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        detached: true,
      }).spawn();
    } catch (error) {
      return `Cannot run it: ${error instanceof Error ? error.message : String(error)}`;
    }
    const timeoutSec = Math.min(job.timeoutSec ?? maxTimeSec, maxTimeSec);
    const running = follow(child, from, id, timeoutSec);
    jobs.set(key, running);
    running.done.finally(() => jobs.delete(key));
    return undefined;
  }

  function follow(child: Deno.ChildProcess, from: string, id: string, timeoutSec: number) {
    const started = performance.now();
    const { pid } = child;
    let left = maxOutputBytes;
    let seq = 0;
    let truncated = false;
    let timedOut = false;

    const signal = (name: Deno.Signal) => {
      try {
        Deno.kill(-pid, name);
      } catch {
        // all of it has ended
      }
    };
    let grace: ReturnType<typeof setTimeout> | undefined;
    const end = (now = false) => {
      signal(now ? "SIGKILL" : "SIGTERM");
      grace ??= setTimeout(() => signal("SIGKILL"), GRACE_MS);
    };
    const timer = setTimeout(() => {
      timedOut = true;
      log.warn("command takes too long", { from, id, pid, timeoutSec });
      end();
    }, Math.min(timeoutSec * 1000, LONGEST_MS));

    const say = (stream: string, text: string) => {
      if (text === "") return;
      try {
        send({ cmd: "exec-output", to: from, re: id, stream, seq: seq++, text });
      } catch (error) {
        left = 0;
        truncated = true;
        log.warn("cannot send output", { from, id, error: String(error) });
      }
    };
    const cut = new AbortController();
    const pump = async (name: string, stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      const reader = stream.getReader();
      const cancel = () => void reader.cancel().catch(() => {});
      cut.signal.addEventListener("abort", cancel);
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          for (let at = 0; at < value.length; at += PIECE_BYTES) {
            const piece = value.subarray(at, at + PIECE_BYTES);
            const kept = piece.subarray(0, left);
            if (kept.length < piece.length) truncated = true;
            left -= kept.length;
            say(name, decoder.decode(kept, { stream: true }));
          }
        }
      } catch {
        // the stream was cut
      }
      say(name, decoder.decode());
    };

    const done = (async () => {
      const pumps = Promise.all([pump("stdout", child.stdout), pump("stderr", child.stderr)]);
      const status = await child.status;
      const seconds = (performance.now() - started) / 1000;
      clearTimeout(timer);
      clearTimeout(grace);
      // What it left in the background would run without any limit.
      signal("SIGKILL");
      const drain = setTimeout(() => cut.abort(), DRAIN_MS);
      await pumps;
      clearTimeout(drain);
      const exit = {
        code: status.signal === null ? status.code : null,
        signal: status.signal,
        seconds: Math.round(seconds * 1000) / 1000,
        ...(truncated ? { truncated } : {}),
        ...(timedOut ? { timedOut } : {}),
      };
      log.info("command ended", { from, id, pid, ...exit });
      try {
        send({ cmd: "exec-exit", to: from, re: id, ...exit });
      } catch (error) {
        log.warn("cannot send the end", { from, id, error: String(error) });
      }
    })();
    return { end, done };
  }

  return {
    get running() {
      return jobs.size;
    },
    start,
    kill(from, id) {
      const job = jobs.get(keyOf(from, id));
      job?.end();
      return job !== undefined;
    },
    async close(kill) {
      closed = true;
      const endAll = (now: boolean) => {
        for (const job of jobs.values()) job.end(now);
      };
      kill?.addEventListener("abort", () => endAll(true));
      endAll(kill?.aborted ?? false);
      await Promise.all([...jobs.values()].map((job) => job.done));
    },
  };
}
