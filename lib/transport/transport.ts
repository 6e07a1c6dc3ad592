// What the hub asks of a way in: WebSocket, plain TCP, or memory in tests.

/** A way in by which a client reached the hub. */
export type TransportName = "websocket" | "tcp" | "memory";

/** One connection of one client, as the hub sees it: messages out, an end, an account. */
export interface Connection {
  readonly transport: TransportName;
  /** Where the client connects from, `host:port`. */
  readonly address: string;
  /** Bytes of messages accepted by `send` that the operating system has not yet taken. */
  readonly queued: number;
  /** Sends the text of one message. Never blocks, never throws; nothing once it has ended. */
  send(text: string): void;
  /**
   * Ends the connection, after what is queued if the client reads, by force soon after if it does
   * not. Idempotent.
   */
  close(reason: string): void;
  /** Ends the connection at once, whatever is queued. Idempotent. */
  destroy(): void;
}

/** What a connection tells the hub. After `closed` it says nothing more. */
export interface Receiver {
  /** The text of one message. */
  received(text: string): void;
  /** What came is not a message of this transport; `fatal`: and nothing after it can be read. */
  garbled(code: "bad-json" | "too-large", text: string, fatal: boolean): void;
  /** The connection is over, with the reason in words. Called once. */
  closed(reason: string): void;
}

/** Takes a new connection in and says who listens to it. */
export type Accept = (connection: Connection) => Receiver;
