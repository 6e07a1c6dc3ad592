// One TCP connection as the transports use it: bytes in, as many as there are; bytes out, once a
// turn; an end in order or by force.

import { plainAddress } from "../keys/handshake.ts";
import { Outbox } from "./outbox.ts";
import { turnAfter } from "./turn.ts";

/** After `close` a client has this long to read the rest, in milliseconds. */
const LINGER_MS = 2000;
/** Why most connections end. */
const CLOSED = "the client closed the connection";
/** A read begins with this much memory, so that idle clients cost little … */
const LEAST_READ = 512;
/** … grows by this factor whenever it was filled … */
const GROWTH = 8;
/** … has this much at last … */
const MOST_READ = 256 * 1024;
/** … and shrinks again when less than this part of it came. */
const LITTLE = 1 / 64;

/** Uses bytes from `begin` to `end`; returns behind the last that it has used. */
export type Consumer = (bytes: Uint8Array, begin: number, end: number) => number;

/** `host:port`, with brackets around an IPv6 host. */
export function hostPort(address: Deno.Addr): string {
  // Not by the transport: that of a TLS listener has been missing.
  if (!("hostname" in address)) return "unknown";
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function localOf(address: Deno.Addr): string {
  return "hostname" in address ? plainAddress(address.hostname, address.port) : "unknown";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const USE_ALL: Consumer = (_, __, end) => end;

/** A connection. */
export class Socket {
  /** Where the other side is, `host:port`. */
  readonly address: string;
  /** Where it reached this side, `IP:port`; see `plainAddress`. */
  readonly local: string;
  readonly outbox: Outbox;
  /**
   * Told how many bytes a read has brought, before they are used. As long as it returns something, that
   * is awaited, and it is asked again, with none.
   */
  gate: ((bytes: number) => Promise<void> | undefined) | undefined;
  readonly #conn: Deno.Conn;
  readonly #ended = Promise.withResolvers<string>();
  #closing: string | undefined;
  #gone = false;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #consumer = USE_ALL;
  #most = 0;
  /** Bytes that have come and are not used yet. */
  #buffer = new Uint8Array(LEAST_READ);
  #start = 0;
  #filled = 0;
  #consuming = false;

  /** Takes a connection over. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.address = hostPort(conn.remoteAddr);
    this.local = localOf(conn.localAddr);
    this.outbox = new Outbox((bytes) => conn.write(bytes), (error) => this.#end(reasonOf(error)));
  }

  /** Whether it has ended, or is about to. */
  get over(): boolean {
    return this.#gone || this.#closing !== undefined;
  }

  /** Writes what waits, then closes; by force if that takes longer than 2 s. Idempotent. */
  close(reason: string): void {
    if (this.over) return;
    this.#closing = reason;
    this.#linger = setTimeout(() => this.#end(reason), LINGER_MS);
    void this.#closeSoon();
  }

  /** Closes at once. Idempotent. */
  destroy(reason: string): void {
    this.#end(reason);
  }

  /**
   * Reads until the end. `consume` is given the bytes that are there and returns up to where it
   * has used them; the rest comes again, with more behind it, as long as it is no more than
   * `maxBytes`. After `close` what comes is thrown away.
   *
   * @returns Why it ended, in words.
   */
  read(consume: Consumer, maxBytes: number): Promise<string> {
    this.#consumer = consume;
    this.#most = maxBytes;
    try {
      (this.#conn as Deno.TcpConn).setNoDelay?.(true);
    } catch {
      // it is closed
    }
    void this.#readAll();
    return this.#ended.promise;
  }

  /** Lets another consumer go on with what the present one has left. */
  become(consume: Consumer, maxBytes: number): void {
    this.#consumer = consume;
    this.#most = maxBytes;
    if (!this.#consuming) this.#consume();
  }

  #end(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#linger);
    this.outbox.drop();
    try {
      this.#conn.close();
    } catch {
      // it is closed
    }
    this.#ended.resolve(this.#closing ?? reason);
  }

  async #closeSoon(): Promise<void> {
    await this.outbox.drained();
    try {
      // The reader goes on until the client has closed too: a reset would take the last words.
      if (!this.#gone) await this.#conn.closeWrite();
    } catch (error) {
      this.#end(reasonOf(error));
    }
  }

  #consume(): void {
    this.#consuming = true;
    while (this.#start < this.#filled && this.#closing === undefined) {
      const now = this.#consumer;
      this.#start = now(this.#buffer, this.#start, this.#filled);
      // Another consumer may have taken over with the rest.
      if (now === this.#consumer) break;
    }
    this.#consuming = false;
  }

  /** Room for what comes next, as much as came last. */
  #makeRoom(count: number, wasFull: boolean): void {
    if (this.#start === this.#filled || this.#closing !== undefined) this.#start = this.#filled = 0;
    const buffer = this.#buffer;
    const kept = this.#filled - this.#start;
    const size = kept === buffer.length
      ? 2 * buffer.length
      : wasFull
      ? Math.max(Math.min(MOST_READ, GROWTH * buffer.length), buffer.length)
      : this.#filled === 0 && count < LITTLE * buffer.length
      ? Math.max(LEAST_READ, buffer.length / GROWTH)
      : buffer.length;
    if (size !== buffer.length) {
      const next = new Uint8Array(size);
      next.set(buffer.subarray(this.#start, this.#filled));
      this.#buffer = next;
    } else if (this.#start > 0) buffer.copyWithin(0, this.#start, this.#filled);
    this.#filled = kept;
    this.#start = 0;
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) {
        const into = this.#filled === 0 ? this.#buffer : this.#buffer.subarray(this.#filled);
        const count = await this.#conn.read(into);
        if (count === null) break;
        this.#filled += count;
        let opened = this.gate?.(count);
        while (opened !== undefined) {
          await opened;
          opened = this.gate?.(0);
        }
        const wasFull = this.#filled === this.#buffer.length;
        this.#consume();
        if (this.#closing === undefined && this.#filled - this.#start > this.#most) {
          throw new Error("it sent more than it may");
        }
        this.#makeRoom(count, wasFull);
        // What came is passed on before more is asked for: that is a part of its way's time.
        await turnAfter(count);
      }
      this.#end(CLOSED);
    } catch (error) {
      // With TLS most programs end without the farewell that its protocol has.
      this.#end(error instanceof Deno.errors.UnexpectedEof ? CLOSED : reasonOf(error));
    }
  }
}
