// Connections without a network, for tests of the hub.

import { Envelope } from "../envelope.ts";
import { type Message, parseMessage } from "../message.ts";
import type { Accept, Connection, Receiver } from "./transport.ts";

const encoder = new TextEncoder();
const NOTHING = new Uint8Array();
const decoder = new TextDecoder();

/** Both ends of a connection in memory. */
export class MemoryConnection implements Connection {
  readonly transport = "memory";
  readonly local = "memory:0";
  readonly certificate = "";
  /** A test sets it to play a client that does not read. */
  queued = 0;
  /** Why it ended; `undefined`: it has not. */
  ended: string | undefined;
  destroyed = false;
  /** Other transports would not tell the last message until this resolves; `undefined`: they would. */
  paused: Promise<void> | undefined;
  /** Whether envelopes are read from the bytes where they can be, as other transports do. */
  scans = true;
  #inbox: Message[] = [];
  readonly #envelope = new Envelope();
  readonly #receiver: Receiver;

  constructor(accept: Accept, readonly address: string = "memory:1") {
    this.#receiver = accept(this);
  }

  send(bytes: Uint8Array, begin: number, end: number): void {
    this.sendWith(bytes, begin, end - 1, NOTHING);
  }

  sendWith(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void {
    if (this.ended !== undefined) return;
    const text = decoder.decode(bytes.subarray(begin, end)) + decoder.decode(tail);
    this.#inbox.push(parseMessage(text, { maxBytes: Infinity }));
  }

  close(reason: string): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.#receiver?.closed(reason);
  }

  destroy(lastWords?: Uint8Array): void {
    if (lastWords !== undefined) this.send(lastWords, 0, lastWords.length);
    this.destroyed = true;
    this.close("destroyed");
  }

  /** The client sends a message, or any text. */
  say(message: Message | string): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const bytes = encoder.encode(text);
    this.paused = this.#receiver.read(bytes.length);
    const found = this.scans && this.#envelope.read(bytes, 0, bytes.length);
    if (found && this.#envelope.end === bytes.length) this.#receiver.scanned(this.#envelope);
    else this.#receiver.received(text);
  }

  /** The client sends so many bytes of a message, and not its end. */
  sayPart(bytes: number): void {
    this.paused = this.#receiver.read(bytes);
  }

  /** What has come since the last call. */
  heard(): Message[] {
    const all = this.#inbox;
    this.#inbox = [];
    return all;
  }
}
