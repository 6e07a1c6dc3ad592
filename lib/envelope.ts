// Reads the envelope of a message from its bytes, without making an object of it.
//
// What is accepted is JSON, complete and correct, and reads as `JSON.parse` and `checkMessage` read
// it. Whatever is rare, wrong or doubtful is not decided here: then the text has to be parsed.

import { copyBytes } from "./bytes.ts";
import { MAX_NESTING } from "./defaults.ts";
import {
  behindOddString,
  behindPlain,
  behindSpace,
  behindValue,
  hasEscapes,
} from "./json_bytes.ts";
import type { Names } from "./names.ts";

const QUOTE = 0x22, COMMA = 0x2c, COLON = 0x3a, OPEN = 0x7b, CLOSE = 0x7d;
const MINUS = 0x2d, ZERO = 0x30, NINE = 0x39;

/** The fields of an envelope, in the order of {@linkcode Envelope}'s offsets. */
const CMD = 0, TO = 1, TOPIC = 2, FROM = 3, TIME = 4, ID = 5, RE = 6, ACK = 7, RETAIN = 8;
const EXPIRES = 9;
const FIELDS = [
  "cmd",
  "to",
  "topic",
  "from",
  "time",
  "id",
  "re",
  "ack",
  "retain",
  "expires",
] as const;
/** Fields that are names, and mostly the same in one message and the next of a sender. */
const LAST_NAME = FROM, NAMES = 1 << CMD | 1 << TO | 1 << TOPIC | 1 << FROM;
/** A message is for one of them, or for none. */
const RECEIVERS = 1 << TO | 1 << TOPIC;

/** A longer beginning of a message is not remembered; in bytes. */
const MAX_KNOWN = 256;
/** Longer values are left to the parser, which has the words for it; in bytes. */
const MAX_VALUE = 256;
/** A time this long has no exponent and is finite. */
const MAX_TIME = 32;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const NO_VIEW = new DataView(new ArrayBuffer(0));

/**
 * One message as bytes, and where in them its envelope's values are. Made once and used for all
 * messages of a connection: it holds from one `read` to the next.
 */
export class Envelope {
  /** The bytes that were read from. Not the envelope's own. */
  bytes: Uint8Array = new Uint8Array();
  /** Where the message's `{` is. */
  begin = 0;
  /** Behind its `}`. */
  end = 0;
  /** The fields that are there, a bit each. */
  #found = 0;
  /** Where the value of each that is there begins and ends, without quotes; from `begin` on. */
  readonly #begins = new Int32Array(FIELDS.length);
  readonly #ends = new Int32Array(FIELDS.length);
  /** The text of names, once somebody has asked. */
  readonly #texts: (string | undefined)[] = FIELDS.map(() => undefined);
  /** How a message before began, up to behind its names: mostly the next begins the same. */
  readonly #known = new Uint8Array(MAX_KNOWN);
  readonly #knownView = new DataView(this.#known.buffer);
  #knownLength = 0;
  #knownFields = 0;
  /** The bytes again, for four of them at a time. */
  #view: DataView = NO_VIEW;

  /**
   * Reads the message that begins at `begin`, which must be a `{`.
   *
   * @returns Whether it could; if not, it may still be a message, or one may become of it with more
   * bytes.
   */
  read(bytes: Uint8Array, begin: number, limit: number): boolean {
    if (bytes[begin] !== OPEN) return false;
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const view = this.#view;
    this.begin = begin;
    let i: number;
    const isKnown = this.#beginsAsBefore(begin, limit);
    if (isKnown) {
      i = begin + this.#knownLength;
      this.#found = this.#knownFields;
    } else {
      i = behindSpace(bytes, begin + 1, limit);
      this.#found = 0;
      this.#knownLength = 0;
    }
    /** Behind what is worth to be remembered. */
    let known = begin;
    let fields = 0;
    for (;;) {
      if (i >= limit || bytes[i] !== QUOTE) return false;
      const key = i + 1;
      i = behindPlain(bytes, view, key, limit);
      if (i < limit && bytes[i] === QUOTE) i++;
      else {
        i = behindOddString(bytes, view, i, limit);
        // With escapes a key could be one of the envelope's in disguise.
        if (i < 0 || hasEscapes(bytes, key, i)) return false;
      }
      const field = this.#field(bytes, key, i - 1);
      i = behindSpace(bytes, i, limit);
      if (i >= limit || bytes[i] !== COLON) return false;
      i = behindSpace(bytes, i + 1, limit);
      const value = i;
      // Most are strings, and nothing odd in them: those need no call.
      if (i < limit && bytes[i] === QUOTE) {
        i = behindPlain(bytes, view, i + 1, limit);
        i = i < limit && bytes[i] === QUOTE ? i + 1 : behindOddString(bytes, view, i, limit);
      } else i = behindValue(bytes, view, i, limit, MAX_NESTING - 1);
      if (i < 0) return false;
      if (field >= 0 && !this.#keep(field, value, i)) return false;
      i = behindSpace(bytes, i, limit);
      if (i >= limit) return false;
      if (bytes[i] === CLOSE) break;
      if (bytes[i] !== COMMA) return false;
      i = behindSpace(bytes, i + 1, limit);
      if (field >= 0 && field <= LAST_NAME && (this.#found & ~NAMES) === 0) {
        known = i;
        fields = this.#found;
      }
    }
    if (!isKnown) this.#remember(begin, known, fields);
    this.end = i + 1;
    // Without cmd, or with two receivers, it is refused, with words.
    const found = this.#found;
    return (found & 1 << CMD) !== 0 && (found & RECEIVERS) !== RECEIVERS;
  }

  /** The message's command. */
  cmd(names: Names): string {
    return this.#name(CMD, names) ?? "";
  }

  /** The client it is for, if it is for one. */
  to(names: Names): string | undefined {
    return this.#name(TO, names);
  }

  /** The topic it is on, if it is on one. */
  topic(names: Names): string | undefined {
    return this.#name(TOPIC, names);
  }

  /** The sender that it names. */
  from(names: Names): string | undefined {
    return this.#name(FROM, names);
  }

  /** Its time, if it has one: Unix time in seconds. */
  get time(): number | undefined {
    const text = this.#text(TIME);
    return text === undefined ? undefined : Number(text);
  }

  get id(): string | undefined {
    return this.#text(ID);
  }

  get re(): string | undefined {
    return this.#text(RE);
  }

  /** Whether the sender asks for more than that it is passed on: `ack` or `retain`. */
  get asks(): boolean {
    return (this.#found & (1 << ACK | 1 << RETAIN)) !== 0;
  }

  /** Whether it has a `time`. */
  get hasTime(): boolean {
    return (this.#found & 1 << TIME) !== 0;
  }

  /** The whole message as text. */
  text(): string {
    return decoder.decode(this.bytes.subarray(this.begin, this.end));
  }

  /** Whether the message's names are, byte for byte, those of the one before, in the same places. */
  #beginsAsBefore(begin: number, limit: number): boolean {
    const length = this.#knownLength;
    if (length === 0 || begin + length > limit) return false;
    const now = this.#view, known = this.#knownView;
    let i = 0;
    for (const last = length - 3; i < last; i += 4) {
      if (now.getInt32(begin + i, true) !== known.getInt32(i, true)) return false;
    }
    for (; i < length; i++) if (now.getUint8(begin + i) !== known.getUint8(i)) return false;
    return true;
  }

  #remember(begin: number, end: number, fields: number): void {
    const length = end - begin;
    if (length > MAX_KNOWN) return;
    copyBytes(this.bytes, begin, end, this.#known, this.#knownView, 0);
    this.#knownLength = length;
    this.#knownFields = fields;
  }

  #name(field: number, names: Names): string | undefined {
    if ((this.#found & 1 << field) === 0) return undefined;
    return this.#texts[field] ??= names.text(
      this.bytes,
      this.begin + (this.#begins[field] ?? 0),
      this.begin + (this.#ends[field] ?? 0),
    );
  }

  #text(field: number): string | undefined {
    if ((this.#found & 1 << field) === 0) return undefined;
    const { begin } = this;
    return decoder.decode(
      this.bytes.subarray(begin + (this.#begins[field] ?? 0), begin + (this.#ends[field] ?? 0)),
    );
  }

  /** Which field of the envelope the key is; -1: the sender's own. */
  #field(bytes: Uint8Array, begin: number, end: number): number {
    const first = bytes[begin];
    switch (end - begin) {
      case 2: {
        const second = bytes[begin + 1];
        if (first === 0x74 && second === 0x6f) return TO;
        if (first === 0x69 && second === 0x64) return ID;
        if (first === 0x72 && second === 0x65) return RE;
        return -1;
      }
      case 3:
        if (first === 0x63) return this.#isField(CMD, bytes, begin);
        return first === 0x61 ? this.#isField(ACK, bytes, begin) : -1;
      case 4:
        if (first === 0x66) return this.#isField(FROM, bytes, begin);
        return first === 0x74 ? this.#isField(TIME, bytes, begin) : -1;
      case 5:
        return first === 0x74 ? this.#isField(TOPIC, bytes, begin) : -1;
      case 6:
        return first === 0x72 ? this.#isField(RETAIN, bytes, begin) : -1;
      case 7:
        return first === 0x65 ? this.#isField(EXPIRES, bytes, begin) : -1;
      default:
        return -1;
    }
  }

  #isField(field: number, bytes: Uint8Array, begin: number): number {
    const name = FIELDS[field] ?? "";
    for (let i = 1; i < name.length; i++) {
      if (bytes[begin + i] !== name.charCodeAt(i)) return -1;
    }
    return field;
  }

  /** Keeps where a field's value is; `false`: it is not one that can be told from its bytes. */
  #keep(field: number, begin: number, end: number): boolean {
    const bit = 1 << field;
    if ((this.#found & bit) !== 0) return false; // the second of two counts, or the first: who knows
    this.#found |= bit;
    this.#begins[field] = begin - this.begin;
    this.#ends[field] = end - this.begin;
    this.#texts[field] = undefined;
    const first = this.bytes[begin] ?? 0;
    if (field === EXPIRES) return false; // rare
    if (field === ACK || field === RETAIN) return first === 0x74 || first === 0x66; // true or false
    if (field === TIME) {
      if (first !== MINUS && (first < ZERO || first > NINE)) return false;
      if (end - begin > MAX_TIME) return false;
      for (let i = begin; i < end; i++) {
        if (((this.bytes[i] ?? 0) | 0x20) === 0x65) return false; // an exponent
      }
      return true;
    }
    if (first !== QUOTE || end - begin - 2 > MAX_VALUE) return false;
    if (hasEscapes(this.bytes, begin, end)) return false;
    if (end - begin === 2 && field === CMD) return false; // empty
    this.#begins[field] = begin + 1 - this.begin;
    this.#ends[field] = end - 1 - this.begin;
    return true;
  }
}
