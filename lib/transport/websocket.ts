// WebSocket on a socket of our own: one message a text frame. Deno's own server cannot let go of a
// client that has stopped reading, and makes a system call for each frame.

import { Envelope } from "../envelope.ts";
import { copy } from "./outbox.ts";
import type { Socket } from "./socket.ts";
import { type Accept, type Connection, NOTHING, type Receiver } from "./transport.ts";
import {
  CLOSE_CODE,
  closeFrame,
  createFrameReader,
  headLength,
  MAX_FRAME_HEAD,
  NO_CODE,
  pongFrame,
  writeTextHead,
} from "./websocket_frame.ts";

/** Magic of RFC 6455, section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Pongs are left out while this much waits: who does not read needs none. */
const MAX_QUEUED_PONG = 64 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is wrong with a request for a WebSocket, in words; `undefined` if nothing is. */
export function problemWithUpgrade(headers: ReadonlyMap<string, string>): string | undefined {
  const has = (name: string, token: string) =>
    headers.get(name)?.toLowerCase().split(",").some((one) => one.trim() === token) ?? false;
  if (!has("connection", "upgrade")) return "the Connection header is not Upgrade";
  const version = headers.get("sec-websocket-version");
  if (version !== "13") return "the Sec-WebSocket-Version header is not 13";
  const key = headers.get("sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return "the Sec-WebSocket-Key header is not a key";
  return undefined;
}

/** What the hub answers to a key in `Sec-WebSocket-Accept`. */
export async function acceptKey(key: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", encoder.encode(key + GUID));
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}

/** Options of {@linkcode serveWebSocket}. */
export interface WebSocketOptions {
  accept: Accept;
  /** Largest message. */
  maxBytes: number;
  /** The fingerprint of the certificate that the listener shows. Default: none, there is no TLS. */
  certificate?: string;
}

/** Speaks WebSocket on a socket from now on. */
export function serveWebSocket(
  socket: Socket,
  options: WebSocketOptions,
): { closed(reason: string): void } {
  const { outbox } = socket;
  const { maxBytes } = options;
  const envelope = new Envelope();

  function write(bytes: Uint8Array): void {
    const chunk = outbox.reserve(bytes.length);
    chunk.bytes.set(bytes, chunk.length);
    chunk.length += bytes.length;
  }

  function put(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void {
    const size = end - begin + tail.length;
    const chunk = outbox.reserve(headLength(size) + size);
    const to = chunk.bytes;
    const at = writeTextHead(size, to, chunk.length);
    copy(bytes, begin, end, to, at);
    copy(tail, 0, tail.length, to, at + end - begin);
    chunk.length = at + size;
  }

  function end(code: number, reason: string): void {
    frames.end();
    if (socket.over) return;
    write(closeFrame(code, reason));
    socket.close(reason);
  }

  const connection: Connection = {
    transport: "websocket",
    address: socket.address,
    local: socket.local,
    certificate: options.certificate ?? "",
    get queued() {
      return outbox.queued;
    },
    send(bytes, begin, end, tail) {
      if (!socket.over) put(bytes, begin, end, tail);
    },
    close: (reason) => end(CLOSE_CODE.normal, reason),
    destroy(lastWords) {
      if (socket.over || lastWords === undefined) return socket.destroy("destroyed");
      outbox.drop();
      put(lastWords, 0, lastWords.length, NOTHING);
      end(CLOSE_CODE.policy, "you do not read what is sent to you");
    },
  };
  const frames = createFrameReader(maxBytes, {
    text(bytes, begin, end_) {
      if (envelope.read(bytes, begin, end_) && envelope.end === end_) {
        return receiver.scanned(envelope);
      }
      let text: string;
      try {
        text = decoder.decode(bytes.subarray(begin, end_));
      } catch {
        return end(CLOSE_CODE.invalidText, "a text frame is not UTF-8");
      }
      receiver.received(text);
    },
    binary() {
      receiver.garbled("bad-json", "Cannot read a binary frame: send text frames", false);
    },
    tooLarge() {
      const text = `Cannot take the message: it is larger than ${maxBytes} bytes`;
      receiver.garbled("too-large", text, false);
    },
    ping(payload) {
      if (!socket.over && outbox.queued < MAX_QUEUED_PONG) write(pongFrame(payload));
    },
    pong() {},
    close(code, reason) {
      if (socket.over) return;
      write(closeFrame(code));
      socket.close(
        code === CLOSE_CODE.normal || code === NO_CODE || code === CLOSE_CODE.goingAway
          ? `the client closed the connection${reason === "" ? "" : `: ${reason}`}`
          : `the client closed the connection (${code})${reason === "" ? "" : `: ${reason}`}`,
      );
    },
    failed: (code, why) => end(code, `against the WebSocket protocol: ${why}`),
  });
  const receiver: Receiver = options.accept(connection);
  socket.become((bytes, begin, end_) => frames.push(bytes, begin, end_), maxBytes + MAX_FRAME_HEAD);
  return receiver;
}
