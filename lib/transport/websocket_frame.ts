// The frames of WebSocket (RFC 6455), as a server sees them: bytes in, messages out. No I/O.

const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** Close codes, RFC 6455 section 7.4.1. */
export const CLOSE_CODE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  invalidText: 1007,
  policy: 1008,
  tooLarge: 1009,
} as const;
/** What `closed` gives when the other side named no code. */
export const NO_CODE = 1005;

/** Most bytes before a frame's payload, as clients send them. */
export const MAX_FRAME_HEAD = 14;
/** Longest payload of a control frame. */
const MAX_CONTROL = 125;

/** What a {@linkcode FrameReader} finds. The bytes are good until the call returns. */
export interface FrameHandler {
  /** One whole message; whether it is UTF-8 is not looked at. */
  text(bytes: Uint8Array, begin: number, end: number): void;
  binary(): void;
  /** A message that is larger than allowed; it is skipped. */
  tooLarge(): void;
  ping(payload: Uint8Array): void;
  pong(): void;
  /** The other side closes. Nothing is read after it. */
  peerCloses(code: number, reason: string): void;
  /** What came is against the protocol. Nothing is read after it. */
  failed(code: number, why: string): void;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
// Making an empty array costs as much as making a large one.
const NO_BYTES: Uint8Array = new Uint8Array();
const NO_VIEW: DataView = new DataView(NO_BYTES.buffer);

/** Whether a client may send this code in a close frame, RFC 6455 section 7.4 and the IANA registry. */
function isCloseCode(code: number): boolean {
  return code >= 3000 && code < 5000 ||
    code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** Takes the mask off a payload whose four mask bytes stand before it; eight bytes at a time while there are as many. */
function unmask(bytes: Uint8Array, view: DataView, begin: number, end: number): void {
  const mask = view.getInt32(begin - 4, true);
  if (mask === 0) return;
  // As a number of 64 bits V8 needs no object for it, nor for what it is used with.
  const twice = BigInt.asIntN(64, BigInt(mask) << 32n | BigInt(mask >>> 0));
  let i = begin;
  for (const last = end - 7; i < last; i += 8) {
    view.setBigInt64(i, view.getBigInt64(i, true) ^ twice, true);
  }
  if (i < end - 3) {
    view.setInt32(i, view.getInt32(i, true) ^ mask, true);
    i += 4;
  }
  for (let shift = 0; i < end; i++, shift += 8) bytes[i] = (bytes[i] ?? 0) ^ (mask >>> shift);
}

/** What is wrong with a frame whose first two bytes are these; `opcode`: of the message under way. */
function problemWith(first: number, second: number, opcode: number): string | undefined {
  if ((first & 0x70) !== 0) return "a reserved bit is set";
  if ((second & 0x80) === 0) return "a frame of a client is not masked";
  const kind = first & 0x0f;
  if (kind === CLOSE || kind === PING || kind === PONG) {
    if ((first & 0x80) === 0) return "a control frame comes in parts";
    return (second & 0x7f) > MAX_CONTROL ? "a control frame is too long" : undefined;
  }
  if (kind !== CONTINUATION && kind !== TEXT && kind !== BINARY) return "the opcode is unknown";
  if (kind === CONTINUATION && opcode === 0) return "a message goes on that has not begun";
  if (kind !== CONTINUATION && opcode !== 0) return "a message begins within another";
  return undefined;
}

/** Reads a client's frames; a message in parts is put together up to `maxBytes`. */
export class FrameReader {
  readonly #maxBytes: number;
  readonly #handler: FrameHandler;
  /** The message that is coming in parts. */
  #whole = NO_BYTES;
  #length = 0;
  #opcode = 0;
  /** Bytes of a payload that is not wanted and still to come. */
  #skip = 0;
  /** The message has grown too large: the rest of its parts is skipped. */
  #isTooLarge = false;
  #over = false;
  /** The bytes at hand, and again for four of them at a time. */
  #bytes = NO_BYTES;
  #view = NO_VIEW;

  constructor(maxBytes: number, handler: FrameHandler) {
    this.#maxBytes = maxBytes;
    this.#handler = handler;
  }

  /**
   * Reads what there is, and undoes masks in place.
   *
   * @returns Behind the last frame that was complete; the rest has to come again, with more.
   */
  push(bytes: Uint8Array, begin: number, end: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const view = this.#view;
    let i = begin;
    while (!this.#over) {
      if (this.#skip > 0) {
        const count = Math.min(this.#skip, end - i);
        this.#skip -= count;
        i += count;
      }
      if (i + 2 > end) return i;
      const first = bytes[i] ?? 0, second = bytes[i + 1] ?? 0;
      const problem = problemWith(first, second, this.#opcode);
      if (problem !== undefined) {
        this.#fail(CLOSE_CODE.protocolError, problem);
        return end;
      }
      let size = second & 0x7f;
      let payload = i + 6;
      if (size === 126) {
        payload = i + 8;
        if (payload > end) return i;
        size = (bytes[i + 2] ?? 0) << 8 | (bytes[i + 3] ?? 0);
      } else if (size === 127) {
        payload = i + MAX_FRAME_HEAD;
        if (payload > end) return i;
        if (view.getUint32(i + 2) >= 0x80000000) {
          this.#fail(CLOSE_CODE.protocolError, "the length is negative");
          return end;
        }
        size = view.getUint32(i + 2) * 2 ** 32 + view.getUint32(i + 6);
      }
      if (payload > end) return i;
      const final = (first & 0x80) !== 0;
      const kind = first & 0x0f;
      if (kind >= CLOSE) {
        if (payload + size > end) return i;
        unmask(bytes, view, payload, payload + size);
        this.#control(kind, bytes.subarray(payload, payload + size));
        i = payload + size;
        continue;
      }
      if (kind !== CONTINUATION) this.#opcode = kind;
      if (this.#isTooLarge || this.#length + size > this.#maxBytes) {
        if (!this.#isTooLarge) this.#handler.tooLarge();
        this.#isTooLarge = true;
        this.#whole = NO_BYTES;
        if (final) this.#forget();
        this.#skip = size;
        i = payload;
        continue;
      }
      if (payload + size > end) {
        // The head is read again when there is more.
        if (kind !== CONTINUATION) this.#opcode = 0;
        return i;
      }
      unmask(bytes, view, payload, payload + size);
      i = payload + size;
      this.#data(final, bytes, payload, i);
    }
    return end;
  }

  /** Reads nothing more. */
  end(): void {
    this.#over = true;
    this.#forget();
  }

  #fail(code: number, why: string): void {
    this.#over = true;
    this.#whole = NO_BYTES;
    this.#handler.failed(code, why);
  }

  #forget(): void {
    if (this.#whole.length > 0) this.#whole = NO_BYTES;
    this.#length = 0;
    this.#opcode = 0;
    this.#isTooLarge = false;
  }

  #control(kind: number, payload: Uint8Array): void {
    if (kind === PING) return this.#handler.ping(payload);
    if (kind === PONG) return this.#handler.pong();
    this.#over = true;
    this.#whole = NO_BYTES;
    if (payload.length === 0) return this.#handler.peerCloses(NO_CODE, "");
    const code = (payload[0] ?? 0) << 8 | (payload[1] ?? 0);
    if (payload.length === 1 || !isCloseCode(code)) {
      return this.#handler.failed(CLOSE_CODE.protocolError, "the close code is none");
    }
    let reason: string;
    try {
      reason = decoder.decode(payload.subarray(2));
    } catch {
      const text = "the reason for closing is not UTF-8";
      return this.#handler.failed(CLOSE_CODE.invalidText, text);
    }
    this.#handler.peerCloses(code, reason);
  }

  /** Adds a part; its memory grows with what came, not with what was announced. */
  #add(part: Uint8Array): void {
    const needed = this.#length + part.length;
    if (needed > this.#whole.length) {
      const next = new Uint8Array(Math.max(2 * this.#whole.length, needed));
      next.set(this.#whole.subarray(0, this.#length));
      this.#whole = next;
    }
    this.#whole.set(part, this.#length);
  }

  /** A frame of a message, its payload unmasked. */
  #data(final: boolean, bytes: Uint8Array, begin: number, end: number): void {
    const isText = this.#opcode === TEXT;
    const isWhole = final && this.#length === 0;
    if (isText && !isWhole) this.#add(bytes.subarray(begin, end));
    this.#length += end - begin;
    if (!final) return;
    const all = this.#whole, size = this.#length;
    this.#forget();
    if (!isText) this.#handler.binary();
    else if (isWhole) this.#handler.text(bytes, begin, end);
    else this.#handler.text(all, 0, size);
  }
}

/** Bytes that a server's frame has before a payload of this length. */
export function headLength(size: number): number {
  return size < 126 ? 2 : size < 65536 ? 4 : 10;
}

/** Writes the head of a server's text frame; returns behind it. */
export function writeTextHead(size: number, into: Uint8Array, at: number): number {
  into[at++] = 0x80 | TEXT;
  if (size < 126) {
    into[at++] = size;
    return at;
  }
  if (size < 65536) {
    into[at++] = 126;
    into[at++] = size >>> 8;
    into[at++] = size & 0xff;
    return at;
  }
  into[at++] = 127;
  new DataView(into.buffer, into.byteOffset + at, 8).setBigUint64(0, BigInt(size));
  return at + 8;
}

function controlFrame(kind: number, payload: Uint8Array): Uint8Array {
  return Uint8Array.of(0x80 | kind, payload.length, ...payload);
}

/** A pong that answers a ping. */
export function pongFrame(payload: Uint8Array): Uint8Array {
  return controlFrame(PONG, payload);
}

/** A close frame; the reason is cut to what fits, and `NO_CODE` gives one without. */
export function closeFrame(code: number, reason = ""): Uint8Array {
  if (code === NO_CODE) return controlFrame(CLOSE, new Uint8Array());
  const payload = new Uint8Array(MAX_CONTROL);
  payload[0] = code >>> 8;
  payload[1] = code & 0xff;
  // It stops before a character that does not fit.
  const { written } = encoder.encodeInto(reason, payload.subarray(2));
  return controlFrame(CLOSE, payload.subarray(0, 2 + written));
}
