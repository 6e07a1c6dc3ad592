// Plain TCP: JSON objects one after another, with or without anything between them.

import type { Accept, Connection } from "./transport.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN = 0x7b, CLOSE = 0x7d, NEWLINE = 0x0a;

/** What a {@linkcode Splitter} finds. */
export interface SplitterHandler {
  /** The text of one object. */
  object(text: string): void;
  /** What is no object; `fatal`: nothing after it can be read. */
  garbled(code: "bad-json" | "too-large", text: string, fatal: boolean): void;
}

/** Cuts a stream of bytes into JSON objects; a chunk may end anywhere. */
export class Splitter {
  readonly #handler: SplitterHandler;
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
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

  /** Takes the next bytes. They are copied where they are kept. */
  push(chunk: Uint8Array): void {
    if (this.#dead) return;
    let begin = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (this.#depth === 0) {
        if (byte === OPEN) {
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
    if (this.#depth > 0) this.#keep(chunk.slice(begin));
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
    let text: string;
    try {
      text = this.#decoder.decode(bytes);
    } catch {
      this.#handler.garbled("bad-json", "Cannot read the message: it is not UTF-8", false);
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
      !("info" in first) && !("id" in first);
  } catch {
    return false;
  }
}

/** After `close` a client has this long to read the rest. */
const LINGER_MS = 2000;
const encoder = new TextEncoder();

/** Options of {@linkcode serveTcpConnection}. */
export interface TcpOptions {
  accept: Accept;
  /** Largest message. */
  maxBytes: number;
}

/** Serves one connection until it ends. */
export async function serveTcpConnection(conn: Deno.TcpConn, options: TcpOptions): Promise<void> {
  const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
  let separator = "\n";
  let first = true;
  let queue: Uint8Array[] = [];
  let queued = 0;
  let writing = false;
  let closing: string | undefined;
  let over = false;
  let linger: ReturnType<typeof setTimeout> | undefined;

  function end(reason: string): void {
    if (over) return;
    over = true;
    clearTimeout(linger);
    queue = [];
    queued = 0;
    try {
      conn.close();
    } catch {
      // it is closed
    }
    receiver.closed(closing ?? reason);
  }

  function joined(parts: readonly Uint8Array[]): Uint8Array {
    if (parts.length === 1 && parts[0] !== undefined) return parts[0];
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  async function write(): Promise<void> {
    if (writing) return;
    writing = true;
    try {
      while (queue.length > 0 && !over) {
        const bytes = joined(queue.splice(0, 256));
        for (let done = 0; done < bytes.length && !over;) {
          const count = await conn.write(bytes.subarray(done));
          done += count;
          queued -= count;
        }
      }
      // The reader goes on until the client has closed too: a reset would take the last words.
      if (closing !== undefined && !over) await conn.closeWrite();
    } catch (error) {
      end(error instanceof Error ? error.message : String(error));
    } finally {
      writing = false;
    }
  }

  const connection: Connection = {
    transport: "tcp",
    address: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    get queued() {
      return Math.max(0, queued);
    },
    send(text) {
      if (over || closing !== undefined) return;
      const bytes = encoder.encode(text + separator);
      queue.push(bytes);
      queued += bytes.length;
      void write();
    },
    close(reason) {
      if (over || closing !== undefined) return;
      closing = reason;
      linger = setTimeout(() => end(reason), LINGER_MS);
      void write();
    },
    destroy: () => end("destroyed"),
  };
  const receiver = options.accept(connection);
  const splitter = new Splitter(options.maxBytes, {
    object(text) {
      if (first && isLibAbcd01(text)) separator = "";
      first = false;
      receiver.received(text);
    },
    garbled(code, text, fatal) {
      first = false;
      receiver.garbled(code, text, fatal);
    },
  });
  try {
    conn.setNoDelay(true);
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      if (closing === undefined) splitter.push(buffer.subarray(0, count));
    }
    end("the client closed the connection");
  } catch (error) {
    end(error instanceof Error ? error.message : String(error));
  }
}
