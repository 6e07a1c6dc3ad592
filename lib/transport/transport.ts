// What the hub asks of a way in: WebSocket, plain TCP, or memory in tests.

import type { Envelope } from "../envelope.ts";

/** A way in by which a client reached the hub. */
export type TransportName = "websocket" | "tcp" | "tls" | "memory";

/** One connection of one client, as the hub sees it: messages out, an end, an account. */
export interface Connection {
  readonly transport: TransportName;
  /** Where the client connects from, `host:port`. */
  readonly address: string;
  /** Where it reached the hub, `IP:port`; see `plainAddress`. */
  readonly local: string;
  /** The fingerprint of the certificate that it was shown; empty without TLS. */
  readonly certificate: string;
  /** Bytes accepted by `send` that the operating system has not yet taken. */
  readonly queued: number;
  /**
   * Sends one message, which lies from `begin` on, with a newline behind it as the last byte before `end`,
   * in memory that stays as it is until this turn of the event loop is over. Never blocks, never throws;
   * nothing once it has ended.
   */
  send(bytes: Uint8Array, begin: number, end: number): void;
  /**
   * The same for one whose bytes from `begin` to `end` are followed by those of `tail`, with no newline.
   * They are copied at once.
   */
  sendWith(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void;
  /**
   * Ends the connection, after what is queued if the client reads, by force soon after if it does
   * not. Idempotent.
   */
  close(reason: string): void;
  /**
   * Forgets what is queued. If there are last words, a line, the client gets them when it begins to read
   * within 2 s; without, or after that, the connection ends by force. Idempotent.
   */
  destroy(lastWords?: Uint8Array): void;
}

/** What a connection tells the hub. After `closed` it says nothing more. */
export interface Receiver {
  /** One message whose envelope could be read; it holds until the call returns. */
  scanned(envelope: Envelope): void;
  /** The text of one message. */
  received(text: string): void;
  /** What came is not a message of this transport; `fatal`: and nothing after it can be read. */
  garbled(code: "bad-json" | "too-large", text: string, fatal: boolean): void;
  /**
   * So many bytes were read, and no message in them is told yet. As long as this returns something, that
   * is to be awaited, and asked again with none. The connection may end meanwhile.
   */
  read(bytes: number): Promise<void> | undefined;
  /** The connection is over, with the reason in words. Called once. */
  closed(reason: string): void;
}

/** Takes a new connection in and says who listens to it. */
export type Accept = (connection: Connection) => Receiver;
