// What black-box tests share: the program under test, free ports, a folder, lines of output.
//
// The program is the source under Deno, or the binary that ABCD_BIN names: the same tests for both.

import { selfCommand } from "../lib/process/self.ts";
import { CONFIG_HOME } from "./config_home.ts";
import { freeUdpPort } from "./free_ports.ts";

export { freeTcpPort, freeUdpPort } from "./free_ports.ts";

/** The command line of the program under test. */
export function abcdCommand(): readonly string[] {
  const binary = Deno.env.get("ABCD_BIN");
  return binary === undefined || binary === "" ? selfCommand() : [binary];
}

/** Longest wait for something that should happen soon, in milliseconds: loaded machines are slow. */
export const PATIENCE_MS = 30_000;

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
  async type(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
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
          }:\n--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`,
        );
      }
      await this.#change(left);
    }
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

/** Starts abcd with these arguments. */
export function abcd(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Running {
  return new Running([...abcdCommand(), ...args], options);
}

/** Runs abcd to its end. */
export async function runAbcd(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using program = abcd(args, options);
  const { code } = await program.end();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/**
 * A hub of its own for one test: any free ports, on this computer alone, no UDP unless asked. It is
 * open, so that tests can join with bare sockets; abcd's own clients show it their key all the same.
 */
export class TestHub implements AsyncDisposable {
  private constructor(
    readonly process: Running,
    readonly httpPort: number,
    readonly tcpPort: number,
    readonly beaconPort: number,
  ) {}

  /** `host:port` of its HTTP and WebSocket. */
  get address(): string {
    return `127.0.0.1:${this.httpPort}`;
  }

  /** Options for a client subcommand to find it. */
  get clientArgs(): string[] {
    return ["--server", this.address];
  }

  /** Starts `abcd server`; `args` come last and so win. */
  static async start(
    args: readonly string[] = [],
    { open = true, env = {} }: { open?: boolean; env?: Record<string, string> } = {},
  ): Promise<TestHub> {
    const beaconPort = freeUdpPort();
    const process = abcd([
      "server",
      "--http-port=0",
      "--tcp-port=0",
      "--bind=127.0.0.1",
      `--beacon-port=${beaconPort}`,
      ...(open ? ["--open"] : []),
      ...args,
    ], { env });
    try {
      // The hub's own line: "hub NAME listens: http 127.0.0.1:40001, tcp 127.0.0.1:40002, …"
      const match = await process.saw(/listens: http \S+:(\d+), tcp \S+:(\d+)/);
      return new TestHub(process, Number(match[1]), Number(match[2]), beaconPort);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** A temporary folder that goes with the test. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    },
  };
}

/** A pause, in milliseconds; for pacing a load, never to hope that something has happened. */
export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The promise's value, or an error with these words after so many milliseconds. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  what: string | (() => string),
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${ms} ms: ${typeof what === "string" ? what : what()}`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Polls until the condition holds (or gives something); fails with the words if it never does. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string | (() => string),
  patienceMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value;
    if (Date.now() > deadline) {
      const seen = typeof what === "string" ? what : what();
      throw new Error(`Waited ${patienceMs} ms in vain: ${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
