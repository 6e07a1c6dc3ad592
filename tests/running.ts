// A program that runs in a test: what it writes can be waited for, and it ends with the test.

import { CONFIG_HOME } from "./config_home.ts";
import { PATIENCE_MS, within } from "./waiting.ts";

/** How much of each other program's command line, and of what it wrote, a failure shows. */
const MOST_WORDS = 8, MOST_CHARS = 2000;

let stateRoot: string | undefined;
let started = 0;

/** A folder for what one program keeps: a hub's journal is not to meet another's, or the user's own. */
function stateFolder(): string {
  if (stateRoot === undefined) {
    const made = stateRoot = Deno.makeTempDirSync({ prefix: "abcd-state-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
  }
  return `${stateRoot}/${++started}`;
}

/** All that run now, so that a failure can tell what the others wrote. */
const running = new Set<Running>();

/** A running program whose output can be waited for. */
export class Running implements AsyncDisposable {
  readonly pid: number;
  /** What it has written so far. */
  stdout = "";
  stderr = "";
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #changed = new EventTarget();
  readonly #pumps: Promise<void>[];
  #ended = false;
  /** The end of its command line. */
  readonly #words: string;

  constructor(command: readonly string[], options: Omit<Deno.CommandOptions, "args"> = {}) {
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, {
      stdin: "null",
      ...options,
      env: { XDG_STATE_HOME: stateFolder(), XDG_CONFIG_HOME: CONFIG_HOME, ...options.env },
      args,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#words = args.slice(-MOST_WORDS).join(" ");
    running.add(this);
    this.#pumps = [
      this.#pump(this.#child.stdout, (text) => this.stdout += text),
      this.#pump(this.#child.stderr, (text) => this.stderr += text),
    ];
    this.status = this.#child.status.then((status) => {
      this.#ended = true;
      this.#changed.dispatchEvent(new Event("change"));
      return status;
    });
  }

  async #pump(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      add(text);
      this.#changed.dispatchEvent(new Event("change"));
    }
  }

  /** Writes to its standard input, which must be `"piped"`. */
  async type(text: string | Uint8Array): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
    writer.releaseLock();
  }

  /** Ends its standard input. */
  async endInput(): Promise<void> {
    await this.#child.stdin.close();
  }

  /** Resolves to the match once its output (both streams) has it; fails with the output if not. */
  async saw(pattern: RegExp, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      const left = deadline - Date.now();
      if (this.#ended || left <= 0) {
        await this.#drain(500);
        const late = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (late !== null) return late;
        throw new Error(
          `Cannot find ${pattern} in what pid ${this.pid} wrote${
            this.#ended ? " until it ended" : ` in ${patienceMs} ms`
          }:\n--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}${this.#others()}`,
        );
      }
      await this.#change(left);
    }
  }

  /** What the other programs of the test wrote last: the reason is often there. */
  #others(): string {
    return [...running].filter((one) => one !== this).map((one) =>
      `\n--- beside it: pid ${one.pid}${one.#ended ? ", ended" : ""}: ${one.#words}\n` +
      `${one.stdout.slice(-MOST_CHARS)}\n${one.stderr.slice(-MOST_CHARS)}`
    ).join("");
  }

  /** Waits for the rest of its output; a grandchild may hold it open for longer. */
  async #drain(ms: number): Promise<void> {
    await within(Promise.allSettled(this.#pumps), ms, "output").catch(() => {});
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#changed.removeEventListener("change", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#changed.addEventListener("change", done);
    });
  }

  /** Sends a signal; nothing if it has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended
    }
  }

  /** Sends a second signal, as a person does who is impatient: no hand is quicker. */
  async signalAgain(signal: Deno.Signal): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 60));
    this.signal(signal);
  }

  /** Waits for its end and for the rest of its output. */
  async end(patienceMs = PATIENCE_MS): Promise<Deno.CommandStatus> {
    const status = await within(
      this.status,
      patienceMs,
      () => `pid ${this.pid} has not ended:\n${this.stdout}\n${this.stderr}`,
    );
    await this.#drain(2000);
    return status;
  }

  /** SIGTERM, then SIGKILL if that does not help. */
  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this);
    this.signal("SIGTERM");
    const killer = setTimeout(() => this.signal("SIGKILL"), 10_000);
    await this.status;
    clearTimeout(killer);
    await this.#drain(2000);
    try {
      await this.#child.stdin.close();
    } catch {
      // not piped, or closed
    }
  }
}
