// Connections without a network, for tests of the hub.

import { type Message, parseMessage } from "../message.ts";
import type { Accept, Connection, Receiver } from "./transport.ts";

/** Both ends of a connection in memory. */
export class MemoryConnection implements Connection {
  readonly transport = "memory";
  /** A test sets it to play a client that does not read. */
  queued = 0;
  /** Why it ended; `undefined`: it has not. */
  ended: string | undefined;
  destroyed = false;
  #inbox: Message[] = [];
  readonly #receiver: Receiver;

  constructor(accept: Accept, readonly address: string = "memory:1") {
    this.#receiver = accept(this);
  }

  send(text: string): void {
    if (this.ended === undefined) this.#inbox.push(parseMessage(text, { maxBytes: Infinity }));
  }

  close(reason: string): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.#receiver?.closed(reason);
  }

  destroy(): void {
    this.destroyed = true;
    this.close("destroyed");
  }

  /** The client sends a message, or any text. */
  say(message: Message | string): void {
    this.#receiver.received(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** What has come since the last call. */
  heard(): Message[] {
    const all = this.#inbox;
    this.#inbox = [];
    return all;
  }
}
