// Clients made of bare sockets, and looks at processes: what tests of faults need.

import { PATIENCE_MS, within } from "./harness.ts";

const encoder = new TextEncoder();

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}

/** A plain-TCP connection that reads all the time and keeps what it read, until either side closes. */
export class RawClient implements Disposable {
  /** All that came. */
  text = "";
  /** Why the connection ended; `undefined`: it has not. */
  ended: string | undefined;
  readonly #conn: Deno.TcpConn;
  #changed = Promise.withResolvers<void>();

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#read();
  }

  static async connect(port: number, hostname = "127.0.0.1"): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname, port }));
  }

  /** Connects and joins under the name. */
  static async join(port: number, name: string): Promise<RawClient> {
    const client = await RawClient.connect(port);
    await client.say({ cmd: "_init", name, info: { program: "test" } });
    await client.saw(/_welcome/);
    return client;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65536);
    try {
      for (;;) {
        const count = await this.#conn.read(buffer);
        if (count === null) break;
        this.text += decoder.decode(buffer.subarray(0, count), { stream: true });
        this.#tell();
      }
      this.ended = "closed";
      this.#conn.close();
    } catch (error) {
      this.ended = String(error);
    }
    this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  /** Sends a message, or any text or bytes. */
  async say(what: object | string | Uint8Array): Promise<void> {
    const isRaw = typeof what === "string" || what instanceof Uint8Array;
    await writeAll(this.#conn, isRaw ? what : JSON.stringify(what));
  }

  /** Resolves to the match once it has come; fails with all that came if it never does. */
  async saw(pattern: RegExp, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      if (this.ended !== undefined) {
        throw new Error(`Cannot find ${pattern}; ${this.ended} after ${this.text.slice(-2000)}`);
      }
      const text = () => `no ${pattern} in ${this.text.slice(-2000)}`;
      await within(this.#changed.promise, Math.max(0, deadline - Date.now()), text);
    }
  }

  /** Resolves when the hub has closed the connection. */
  async end(patienceMs = PATIENCE_MS): Promise<void> {
    while (this.ended === undefined) {
      await within(this.#changed.promise, patienceMs, "the connection has not been closed");
    }
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // it is closed
    }
  }
}

/** The state of a process as one letter, from /proc (Linux): `R`, `S`, `T`, `Z`; `undefined`: gone. */
export function stateOf(pid: number): string | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.charAt(stat.lastIndexOf(")") + 2);
  } catch {
    return undefined;
  }
}

/** Whether the process is there, and is no zombie. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== "Z";
}

/** The most memory the process ever had, in bytes (Linux). */
export function peakMemory(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const match = /VmHWM:\s+(\d+) kB/.exec(status);
  if (match === null) throw new Error(`Cannot find VmHWM in /proc/${pid}/status`);
  return Number(match[1]) * 1024;
}

/** The process number in a pid file; `undefined`: there is none. */
export function pidIn(file: string): number | undefined {
  try {
    return Number(Deno.readTextFileSync(file));
  } catch {
    return undefined;
  }
}

/** Who is in the hub, by name, from its HTTP port; `undefined`: the hub does not answer. */
export async function namesAt(httpPort: number): Promise<string[] | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/clients`, {
      signal: AbortSignal.timeout(2000),
    });
    const clients: unknown = await answer.json();
    return Array.isArray(clients) ? clients.map(({ name }) => String(name)) : undefined;
  } catch {
    return undefined;
  }
}
