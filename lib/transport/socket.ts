// One TCP connection as the transports use it: bytes in, as many as there are; bytes out, once a
// turn; an end in order or by force.

import { plainAddress } from "../keys/handshake.ts";
import { createOutbox, type Outbox } from "./outbox.ts";

/** After `close` a client has this long to read the rest, in milliseconds. */
const LINGER_MS = 2000;
/** A read begins with this much memory, so that idle clients cost little … */
const LEAST_READ = 2 * 1024;
/** … and has this much once there is more. */
const MOST_READ = 64 * 1024;

/** A connection. */
export interface Socket {
  /** Where the other side is, `host:port`. */
  readonly address: string;
  /** Where it reached this side, `IP:port`; see `plainAddress`. */
  readonly local: string;
  readonly outbox: Outbox;
  /** Whether it has ended, or is about to. */
  readonly over: boolean;
  /** Writes what waits, then closes; by force if that takes longer than 2 s. Idempotent. */
  close(reason: string): void;
  /** Closes at once. Idempotent. */
  destroy(reason: string): void;
  /**
   * Reads until the end. `consume` is given the bytes that are there and returns up to where it
   * has used them; the rest comes again, with more behind it, as long as it is no more than
   * `maxBytes`. After `close` what comes is thrown away.
   *
   * @returns Why it ended, in words.
   */
  read(consume: Consumer, maxBytes: number): Promise<string>;
  /** Lets another consumer go on with what the present one has left. */
  become(consume: Consumer, maxBytes: number): void;
}

/** Uses bytes from `begin` to `end`; returns behind the last that it has used. */
export type Consumer = (bytes: Uint8Array, begin: number, end: number) => number;

/** `host:port`, with brackets around an IPv6 host. */
export function hostPort(address: Deno.Addr): string {
  if (address.transport !== "tcp" && address.transport !== "udp") return "unknown";
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function localOf(address: Deno.Addr): string {
  return address.transport === "tcp" ? plainAddress(address.hostname, address.port) : "unknown";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Takes a connection over. */
export function createSocket(conn: Deno.Conn): Socket {
  const ended = Promise.withResolvers<string>();
  let closing: string | undefined;
  let gone = false;
  let linger: ReturnType<typeof setTimeout> | undefined;
  let consumer: Consumer = (_, __, end) => end;
  let most = 0;

  function end(reason: string): void {
    if (gone) return;
    gone = true;
    clearTimeout(linger);
    outbox.drop();
    try {
      conn.close();
    } catch {
      // it is closed
    }
    ended.resolve(closing ?? reason);
  }

  const outbox = createOutbox((bytes) => conn.write(bytes), (error) => end(reasonOf(error)));

  async function closeSoon(): Promise<void> {
    await outbox.drained();
    try {
      // The reader goes on until the client has closed too: a reset would take the last words.
      if (!gone) await conn.closeWrite();
    } catch (error) {
      end(reasonOf(error));
    }
  }

  function close(reason: string): void {
    if (gone || closing !== undefined) return;
    closing = reason;
    linger = setTimeout(() => end(reason), LINGER_MS);
    void closeSoon();
  }

  /** Bytes that have come and are not used yet. */
  let buffer = new Uint8Array(LEAST_READ);
  let start = 0;
  let filled = 0;
  let consuming = false;

  function consume(): void {
    consuming = true;
    while (start < filled && closing === undefined) {
      const now = consumer;
      start = now(buffer, start, filled);
      // Another consumer may have taken over with the rest.
      if (now === consumer) break;
    }
    consuming = false;
  }

  /** Room for what comes next, as much as came last. */
  function makeRoom(count: number, wasFull: boolean): void {
    if (start === filled || closing !== undefined) start = filled = 0;
    const size = filled - start === buffer.length
      ? 2 * buffer.length
      : wasFull
      ? Math.max(MOST_READ, buffer.length)
      : filled === 0 && count < LEAST_READ / 2
      ? LEAST_READ
      : buffer.length;
    if (size !== buffer.length) {
      const next = new Uint8Array(size);
      next.set(buffer.subarray(start, filled));
      buffer = next;
    } else if (start > 0) buffer.copyWithin(0, start, filled);
    filled -= start;
    start = 0;
  }

  async function readAll(): Promise<void> {
    try {
      for (;;) {
        const count = await conn.read(filled === 0 ? buffer : buffer.subarray(filled));
        if (count === null) break;
        filled += count;
        const wasFull = filled === buffer.length;
        consume();
        if (closing === undefined && filled - start > most) {
          throw new Error("it sent more than it may");
        }
        makeRoom(count, wasFull);
      }
      end("the client closed the connection");
    } catch (error) {
      end(reasonOf(error));
    }
  }

  return {
    address: hostPort(conn.remoteAddr),
    local: localOf(conn.localAddr),
    outbox,
    get over() {
      return gone || closing !== undefined;
    },
    close,
    destroy: end,
    read(first, maxBytes) {
      consumer = first;
      most = maxBytes;
      try {
        (conn as Deno.TcpConn).setNoDelay?.(true);
      } catch {
        // it is closed
      }
      void readAll();
      return ended.promise;
    },
    become(next, maxBytes) {
      consumer = next;
      most = maxBytes;
      if (!consuming) consume();
    },
  };
}
