// WebSocket on a socket of our own: one message a text frame. Deno's own server cannot let go of a
// client that has stopped reading, and makes a system call for each frame.

import { copyBytes } from "../bytes.ts";
import { Envelope } from "../envelope.ts";
import { sharedFrames } from "./outbox.ts";
import type { Socket } from "./socket.ts";
import type { Accept, Connection, Receiver } from "./transport.ts";
import {
  CLOSE_CODE,
  closeFrame,
  type FrameHandler,
  FrameReader,
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

const NOTHING: Uint8Array = new Uint8Array();
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One for all connections: what it has read is used before the next is. */
const envelope = new Envelope();

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

/** The line that was sent last, and its frame in shared memory once a second connection is sent it, too. */
const lastLine = { bytes: NOTHING, begin: 0, end: 0 };
let frame: { bytes: Uint8Array; begin: number; end: number; time: number } | undefined;

function sharedFrame(bytes: Uint8Array, begin: number, end: number) {
  const size = end - begin;
  const chunk = sharedFrames.room(headLength(size) + size);
  const { bytes: to, view, length } = chunk;
  const at = writeTextHead(size, to, length);
  copyBytes(bytes, begin, end, to, view, at);
  chunk.length = at + size;
  return { bytes: to, begin: length, end: at + size, time: sharedFrames.times };
}

class WebSocketConnection implements Connection, FrameHandler {
  readonly transport = "websocket";
  readonly address: string;
  readonly local: string;
  readonly certificate: string;
  readonly frames: FrameReader;
  readonly #socket: Socket;
  readonly #maxBytes: number;
  readonly #receiver: Receiver;

  constructor(socket: Socket, { accept, maxBytes, certificate = "" }: WebSocketOptions) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    this.address = socket.address;
    this.local = socket.local;
    this.certificate = certificate;
    this.frames = new FrameReader(maxBytes, this);
    this.#receiver = accept(this);
  }

  get queued(): number {
    return this.#socket.outbox.queued;
  }

  send(bytes: Uint8Array, begin: number, end: number): void {
    if (this.#socket.over) return;
    const isFirst = bytes !== lastLine.bytes || begin !== lastLine.begin || end !== lastLine.end;
    if (isFirst) {
      lastLine.bytes = bytes;
      lastLine.begin = begin;
      lastLine.end = end;
      frame = undefined;
      return this.#put(bytes, begin, end - 1, NOTHING);
    }
    if (frame?.time !== sharedFrames.times) frame = sharedFrame(bytes, begin, end - 1);
    this.#socket.outbox.add(frame.bytes, frame.begin, frame.end);
  }

  sendWith(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void {
    if (!this.#socket.over) this.#put(bytes, begin, end, tail);
  }

  close(reason: string): void {
    this.#end(CLOSE_CODE.normal, reason);
  }

  destroy(lastWords?: Uint8Array): void {
    if (this.#socket.over || lastWords === undefined) return this.#socket.destroy("destroyed");
    this.#socket.outbox.drop();
    this.send(lastWords, 0, lastWords.length);
    this.#end(CLOSE_CODE.policy, "you do not read what is sent to you");
  }

  read(bytes: number): Promise<void> | undefined {
    return this.#receiver.read(bytes);
  }

  closed(reason: string): void {
    this.#receiver.closed(reason);
  }

  text(bytes: Uint8Array, begin: number, end: number): void {
    if (envelope.read(bytes, begin, end) && envelope.end === end) {
      return this.#receiver.scanned(envelope);
    }
    let text: string;
    try {
      text = decoder.decode(bytes.subarray(begin, end));
    } catch {
      return this.#end(CLOSE_CODE.invalidText, "a text frame is not UTF-8");
    }
    this.#receiver.received(text);
  }

  binary(): void {
    const text = "Cannot read a binary frame: send text frames";
    this.#receiver.garbled("bad-json", text, false);
  }

  tooLarge(): void {
    const text = `Cannot take the message: it is larger than ${this.#maxBytes} bytes`;
    this.#receiver.garbled("too-large", text, false);
  }

  ping(payload: Uint8Array): void {
    const { over, outbox } = this.#socket;
    if (!over && outbox.queued < MAX_QUEUED_PONG) this.#write(pongFrame(payload));
  }

  pong(): void {}

  peerCloses(code: number, reason: string): void {
    if (this.#socket.over) return;
    this.#write(closeFrame(code));
    const usual = code === CLOSE_CODE.normal || code === NO_CODE || code === CLOSE_CODE.goingAway;
    this.#socket.close(
      `the client closed the connection${usual ? "" : ` (${code})`}${
        reason === "" ? "" : `: ${reason}`
      }`,
    );
  }

  failed(code: number, why: string): void {
    this.#end(code, `against the WebSocket protocol: ${why}`);
  }

  #write(bytes: Uint8Array): void {
    const chunk = this.#socket.outbox.reserve(bytes.length);
    chunk.bytes.set(bytes, chunk.length);
    chunk.length += bytes.length;
  }

  #put(bytes: Uint8Array, begin: number, end: number, tail: Uint8Array): void {
    const size = end - begin + tail.length;
    const chunk = this.#socket.outbox.reserve(headLength(size) + size);
    const { bytes: to, view } = chunk;
    const at = writeTextHead(size, to, chunk.length);
    copyBytes(bytes, begin, end, to, view, at);
    copyBytes(tail, 0, tail.length, to, view, at + end - begin);
    chunk.length = at + size;
  }

  #end(code: number, reason: string): void {
    this.frames.end();
    if (this.#socket.over) return;
    this.#write(closeFrame(code, reason));
    this.#socket.close(reason);
  }
}

/** Speaks WebSocket on a socket from now on. */
export function serveWebSocket(
  socket: Socket,
  options: WebSocketOptions,
): { closed(reason: string): void } {
  const connection = new WebSocketConnection(socket, options);
  const { frames } = connection;
  socket.gate = (bytes) => connection.read(bytes);
  socket.become(
    (bytes, begin, end) => frames.push(bytes, begin, end),
    options.maxBytes + MAX_FRAME_HEAD,
  );
  return connection;
}
