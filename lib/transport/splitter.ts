// Cuts what comes by plain TCP into JSON objects.

import { Envelope } from "../envelope.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN = 0x7b, CLOSE = 0x7d, NEWLINE = 0x0a;

/** One for all connections: what it has read is used before the next is. */
const envelope = new Envelope();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What stands, at `i`, where a message should begin, in words. */
function noBeginning(bytes: Uint8Array, i: number, limit: number): string {
  const first = bytes[i] ?? 0;
  const text = "Cannot read what is between two messages: a message begins with {";
  if (first === 0) return `${text}; this is a byte 0, which ends a text in C: send one byte less`;
  const isMark = i + 3 <= limit && first === 0xef && bytes[i + 1] === 0xbb && bytes[i + 2] === 0xbf;
  if (isMark) return `${text}; this is a byte order mark (BOM): send UTF-8 without one`;
  return first > 0x20 && first < 0x7f ? `${text}, not with ${String.fromCharCode(first)}` : text;
}

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
          this.#garbage(noBeginning(chunk, i, limit));
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
