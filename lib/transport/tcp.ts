// Plain TCP: JSON objects one after another, with or without anything between them.

import { copyBytes } from "../bytes.ts";
import { Envelope } from "../envelope.ts";
import { type Consumer, Socket } from "./socket.ts";
import type { Accept, Connection, Receiver } from "./transport.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN = 0x7b, CLOSE = 0x7d, NEWLINE = 0x0a;

/** One for all connections: what it has read is used before the next is. */
const envelope = new Envelope();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a {@linkcode Splitter} finds. */
export interface SplitterHandler {
  /** One object whose envelope could be read. */
  scanned(envelope: Envelope): void;
  /** The text of one object. */
  object(text: string): void;
  /** What is no object; `fatal`: nothing after it can be read. */
  garbled(code: "bad-json" | "too-large", text: string, fatal: boolean): void;
}

/** Cuts a stream of bytes into JSON objects; a chunk may end anywhere. */
export class Splitter {
  readonly #handler: SplitterHandler;
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inGarbage = false;
  #dead = false;

  constructor(maxBytes: number, handler: SplitterHandler) {
    this.#maxBytes = maxBytes;
    this.#handler = handler;
  }

  /** All that has come belongs to messages that have come. */
  get isBetween(): boolean {
    return this.#depth === 0;
  }

  /** Takes the next bytes. They are copied where they are kept. */
  push(chunk: Uint8Array, from = 0, limit = chunk.length): void {
    let begin = from;
    for (let i = from; i < limit && !this.#dead; i++) {
      const byte = chunk[i];
      if (this.#depth === 0) {
        if (byte === OPEN) {
          if (envelope.read(chunk, i, limit) && this.#fits()) {
            this.#inGarbage = false;
            i = envelope.end - 1;
            this.#handler.scanned(envelope);
            continue;
          }
          this.#depth = 1;
          this.#inGarbage = false;
          begin = i;
        } else if (byte !== 0x20 && byte !== 0x09 && byte !== NEWLINE && byte !== 0x0d) {
          this.#garbage("Cannot read what is between two messages: a message begins with {");
        }
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
        if (byte === NEWLINE) {
          this.#reset();
          this.#inGarbage = false;
          this.#garbage("Cannot read the message as JSON: a line ends inside a string; write \\n");
        }
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN) {
        this.#depth++;
      } else if (byte === CLOSE && --this.#depth === 0) {
        if (!this.#keep(chunk.subarray(begin, i + 1))) return;
        this.#finish();
      }
    }
    if (this.#depth > 0 && !this.#dead) this.#keep(chunk.slice(begin, limit));
  }

  /** Nothing more is read. */
  end(): void {
    this.#reset();
    this.#dead = true;
  }

  #fits(): boolean {
    return envelope.end - envelope.begin <= this.#maxBytes;
  }

  #reset(): void {
    this.#parts = [];
    this.#length = 0;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  #garbage(text: string): void {
    if (this.#inGarbage) return; // said once, until the next {
    this.#inGarbage = true;
    this.#handler.garbled("bad-json", text, false);
  }

  #keep(part: Uint8Array): boolean {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) {
      this.#reset();
      this.#dead = true;
      this.#handler.garbled(
        "too-large",
        `Cannot take the message: it is larger than ${this.#maxBytes} bytes`,
        true,
      );
      return false;
    }
    this.#parts.push(part);
    return true;
  }

  #finish(): void {
    let bytes = this.#parts[0] ?? new Uint8Array();
    if (this.#parts.length > 1) {
      bytes = new Uint8Array(this.#length);
      let at = 0;
      for (const part of this.#parts) {
        bytes.set(part, at);
        at += part.length;
      }
    }
    this.#reset();
    if (envelope.read(bytes, 0, bytes.length) && envelope.end === bytes.length) {
      return this.#handler.scanned(envelope);
    }
    let text: string;
    try {
      text = strict.decode(bytes);
    } catch {
      const text =
        "Cannot read the message: it is not UTF-8; \\u00b0, say, does for a character in ASCII";
      this.#handler.garbled("bad-json", text, false);
      return;
    }
    this.#handler.object(text);
  }
}

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
const isLineEnd = (byte: number | undefined) => byte === NEWLINE || byte === 0x0d;
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
