// Plain TCP: JSON objects one after another, with or without anything between them.

import { copyBytes } from "../bytes.ts";
import type { Envelope } from "../envelope.ts";
import { type Consumer, Socket } from "./socket.ts";
import { Splitter, type SplitterHandler } from "./splitter.ts";
import type { Accept, Connection, Receiver } from "./transport.ts";

const NEWLINE = 0x0a, RETURN = 0x0d;

/** Whether the first message is that of libABCD 0.1, which wants nothing between messages. */
function isLibAbcd01(text: string): boolean {
  try {
    const first: unknown = JSON.parse(text);
    return typeof first === "object" && first !== null && "cmd" in first && first.cmd === "_init" &&
      !("info" in first) && !("id" in first) && !("key" in first);
  } catch {
    return false;
  }
}

/** What libABCD 0.1 never sends between messages. */
const isLineEnd = (byte: number | undefined) => byte === NEWLINE || byte === RETURN;
const LINE_END: Uint8Array = Uint8Array.of(NEWLINE);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One message without white space: libABCD 0.1 reads 1024 bytes and no more. */
function compact(parts: readonly Uint8Array[]): Uint8Array {
  const text = parts.map((part) => decoder.decode(part, { stream: true })).join("") +
    decoder.decode();
  return encoder.encode(JSON.stringify(JSON.parse(text)));
}

/** Options of {@linkcode serveTcpConnection}. */
export interface TcpOptions {
  accept: Accept;
  /** Largest message. */
  maxBytes: number;
  /** The fingerprint of the certificate that the listener shows. Default: none, there is no TLS. */
  certificate?: string;
}

class TcpConnection implements Connection, SplitterHandler {
  readonly transport: "tcp" | "tls";
  readonly address: string;
  readonly local: string;
  readonly certificate: string;
  readonly #splitter: Splitter;
  readonly #socket: Socket;
  readonly #receiver: Receiver;
  #isOld = false;
  #isFirst = true;
  /** A newline came with the first message: a program of lines, and none of libABCD 0.1. */
  #hasLines = false;

  constructor(socket: Socket, { accept, maxBytes, certificate = "" }: TcpOptions) {
    this.#socket = socket;
    this.address = socket.address;
    this.local = socket.local;
    this.certificate = certificate;
    this.transport = certificate === "" ? "tcp" : "tls";
    this.#splitter = new Splitter(maxBytes, this);
    this.#receiver = accept(this);
  }

  get queued(): number {
    return this.#socket.outbox.queued;
  }

  send(bytes: Uint8Array, begin: number, end: number): void {
    if (this.#socket.over) return;
    if (this.#isOld) this.#putCompact(bytes.subarray(begin, end));
    else this.#socket.outbox.add(bytes, begin, end);
  }

  sendWith(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void {
    if (this.#socket.over) return;
    if (this.#isOld) this.#putCompact(bytes.subarray(begin, end), tail);
    else this.#put(bytes, begin, end, tail);
  }

  close(reason: string): void {
    this.#splitter.end();
    this.#socket.close(reason);
  }

  destroy(lastWords?: Uint8Array): void {
    if (this.#socket.over || lastWords === undefined) return this.#socket.destroy("destroyed");
    this.#socket.outbox.drop();
    this.send(lastWords, 0, lastWords.length);
    this.close("destroyed");
  }

  scanned(found: Envelope): void {
    if (this.#isFirst) this.#isOld = !this.#hasLines && isLibAbcd01(found.text());
    this.#isFirst = false;
    this.#receiver.scanned(found);
  }

  object(text: string): void {
    if (this.#isFirst) this.#isOld = !this.#hasLines && isLibAbcd01(text);
    this.#isFirst = false;
    this.#receiver.received(text);
  }

  garbled(code: "bad-json" | "too-large", text: string, fatal: boolean): void {
    this.#isFirst = false;
    this.#receiver.garbled(code, text, fatal);
  }

  take(bytes: Uint8Array, begin: number, end: number): void {
    if (this.#isFirst) {
      this.#hasLines ||= bytes.subarray(begin, end).includes(NEWLINE);
    } else if (this.#isOld && this.#splitter.isBetween && isLineEnd(bytes[begin])) {
      // It had not come yet. What has been sent meanwhile, without one, is a line now.
      this.#isOld = false;
      this.#socket.outbox.add(LINE_END, 0, 1);
    }
    this.#splitter.push(bytes, begin, end);
  }

  read(bytes: number): Promise<void> | undefined {
    return this.#receiver.read(bytes);
  }

  closed(reason: string): void {
    this.#receiver.closed(reason);
  }

  #put(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void {
    const size = end - begin + tail.length + 1;
    const chunk = this.#socket.outbox.reserve(size);
    const { bytes: to, view, length: at } = chunk;
    copyBytes(bytes, begin, end, to, view, at);
    copyBytes(tail, 0, tail.length, to, view, at + end - begin);
    chunk.length = at + size;
    to[at + size - 1] = NEWLINE;
  }

  /** Without a newline behind it, either. */
  #putCompact(...parts: readonly Uint8Array[]): void {
    const bytes = compact(parts);
    this.#socket.outbox.add(bytes, 0, bytes.length);
  }
}

/** Speaks plain TCP on a socket, which is to be read with `consume` from now on. */
export function speakTcp(
  socket: Socket,
  options: TcpOptions,
): { consume: Consumer; closed(reason: string): void } {
  const connection = new TcpConnection(socket, options);
  socket.gate = (bytes) => connection.read(bytes);
  return {
    consume(bytes, begin, end) {
      connection.take(bytes, begin, end);
      return end;
    },
    closed: (reason) => connection.closed(reason),
  };
}

/** Serves one connection until it ends. */
export async function serveTcpConnection(conn: Deno.Conn, options: TcpOptions): Promise<void> {
  const socket = new Socket(conn);
  const { consume, closed } = speakTcp(socket, options);
  closed(await socket.read(consume, 0));
}
