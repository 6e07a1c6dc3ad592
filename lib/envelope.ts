// Reads the envelope of a message from its bytes, without making an object of it.
//
// What is accepted is JSON, complete and correct, and reads as `JSON.parse` and `checkMessage` read
// it. Whatever is rare, wrong or doubtful is not decided here: then the text has to be parsed.

import { copyBytes } from "./bytes.ts";
import { MAX_NESTING } from "./defaults.ts";
import type { Names } from "./names.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, COLON = 0x3a, MINUS = 0x2d, DOT = 0x2e;
const OPEN = 0x7b, CLOSE = 0x7d, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d;
const SPACE = 0x20, TAB = 0x09, ZERO = 0x30, NINE = 0x39;

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

/** Bytes that stand for themselves in a string: ASCII but control characters, `"` and `\`. */
const PLAIN = Uint8Array.from(
  { length: 256 },
  (_, c) => c >= 0x20 && c < 0x80 && c !== QUOTE && c !== BACKSLASH ? 1 : 0,
);
const HEX = Uint8Array.from(
  { length: 256 },
  (_, c) => /[0-9a-f]/i.test(String.fromCharCode(c)) ? 1 : 0,
);
const ESCAPED = Uint8Array.from(
  { length: 256 },
  (_, c) => '"\\/bfnrt'.includes(String.fromCharCode(c)) ? 1 : 0,
);

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const NO_VIEW = new DataView(new ArrayBuffer(0));

/** Where the UTF-8 character of several bytes that begins at `i` ends; -1: it is none. */
function behindCharacter(bytes: Uint8Array, i: number, limit: number): number {
  const first = bytes[i] ?? 0;
  const length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || i + length > limit) return -1;
  const second = bytes[i + 1] ?? 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return -1;
  for (let k = 2; k < length; k++) {
    if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return -1;
  }
  return i + length;
}

/**
 * Of four bytes, the highest bit of the first (lowest) that does not stand for itself, and perhaps of some
 * behind it; 0: all do. What is below 0x20 and a quote end up below 0x21 with their second bit turned over; a
 * borrow may set the bit of the byte above one of those.
 */
function special(four: number): number {
  return (((four ^ 0x02020202) - 0x21212121) | ((four ^ 0x5c5c5c5c) - 0x01010101) | four) &
    0x80808080;
}

/** Which of the four bytes it is. */
function firstOf(found: number): number {
  return (31 - Math.clz32(found & -found)) >> 3;
}

/** Behind bytes that stand for themselves: eight at a time while there are as many. `view` is of `bytes`. */
function behindPlain(bytes: Uint8Array, view: DataView, i: number, limit: number): number {
  for (const last = limit - 7; i < last; i += 8) {
    const one = special(view.getInt32(i, true)), two = special(view.getInt32(i + 4, true));
    if ((one | two) !== 0) return one !== 0 ? i + firstOf(one) : i + 4 + firstOf(two);
  }
  while (i < limit && PLAIN[bytes[i] ?? 0] === 1) i++;
  return i;
}

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
  /** Whether the last string had a backslash. */
  #escaped = false;
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
      i = this.#space(bytes, begin + 1, limit);
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
        this.#escaped = false;
        i = this.#oddString(bytes, i, limit);
        // With escapes a key could be one of the envelope's in disguise.
        if (i < 0 || this.#escaped) return false;
      }
      const field = this.#field(bytes, key, i - 1);
      i = this.#space(bytes, i, limit);
      if (i >= limit || bytes[i] !== COLON) return false;
      i = this.#space(bytes, i + 1, limit);
      const value = i;
      // Most are strings, and nothing odd in them: those need no call.
      if (bytes[i] === QUOTE) {
        this.#escaped = false;
        i = behindPlain(bytes, view, i + 1, limit);
        i = i < limit && bytes[i] === QUOTE ? i + 1 : this.#oddString(bytes, i, limit);
      } else i = this.#value(bytes, i, limit, MAX_NESTING - 1);
      if (i < 0) return false;
      if (field >= 0 && !this.#keep(field, value, i)) return false;
      i = this.#space(bytes, i, limit);
      if (i >= limit) return false;
      if (bytes[i] === CLOSE) break;
      if (bytes[i] !== COMMA) return false;
      i = this.#space(bytes, i + 1, limit);
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
    if (first !== QUOTE || this.#escaped || end - begin - 2 > MAX_VALUE) return false;
    if (end - begin === 2 && field === CMD) return false; // empty
    this.#begins[field] = begin + 1 - this.begin;
    this.#ends[field] = end - 1 - this.begin;
    return true;
  }

  /** Behind white space. A line's end is none here: one message is one line. */
  #space(bytes: Uint8Array, i: number, limit: number): number {
    while (i < limit && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
    return i;
  }

  /** Behind the closing quote of a string that begins at `i`, or -1. */
  #string(bytes: Uint8Array, i: number, limit: number): number {
    this.#escaped = false;
    const end = behindPlain(bytes, this.#view, i, limit);
    return end < limit && bytes[end] === QUOTE ? end + 1 : this.#oddString(bytes, end, limit);
  }

  /** The same from a byte on that does not stand for itself. */
  #oddString(bytes: Uint8Array, i: number, limit: number): number {
    for (;;) {
      if (i >= limit) return -1;
      const byte = bytes[i] ?? 0;
      if (byte === QUOTE) return i + 1;
      if (byte >= 0x80) {
        i = behindCharacter(bytes, i, limit);
        if (i < 0) return -1;
      } else if (byte === BACKSLASH) {
        this.#escaped = true;
        if (i + 1 >= limit) return -1;
        const what = bytes[i + 1] ?? 0;
        if (ESCAPED[what] === 1) i += 2;
        else if (what === 0x75 && i + 6 <= limit && this.#isHex(bytes, i + 2)) i += 6;
        else return -1;
      } else return -1;
      i = behindPlain(bytes, this.#view, i, limit);
    }
  }

  #isHex(bytes: Uint8Array, i: number): boolean {
    for (let k = i; k < i + 4; k++) if (HEX[bytes[k] ?? 0] === 0) return false;
    return true;
  }

  /** Behind any value, or -1; `levels` more may be inside each other. */
  #value(bytes: Uint8Array, i: number, limit: number, levels: number): number {
    if (i >= limit) return -1;
    switch (bytes[i]) {
      case QUOTE:
        return this.#string(bytes, i + 1, limit);
      case OPEN:
        return levels === 0 ? -1 : this.#object(bytes, i + 1, limit, levels - 1);
      case OPEN_ARRAY:
        return levels === 0 ? -1 : this.#array(bytes, i + 1, limit, levels - 1);
      case 0x74:
        return this.#word("true", bytes, i, limit);
      case 0x66:
        return this.#word("false", bytes, i, limit);
      case 0x6e:
        return this.#word("null", bytes, i, limit);
      default:
        return this.#number(bytes, i, limit);
    }
  }

  #word(word: string, bytes: Uint8Array, i: number, limit: number): number {
    if (i + word.length > limit) return -1;
    for (let k = 1; k < word.length; k++) if (bytes[i + k] !== word.charCodeAt(k)) return -1;
    return i + word.length;
  }

  #digits(bytes: Uint8Array, i: number, limit: number): number {
    const begin = i;
    while (i < limit && (bytes[i] ?? 0) >= ZERO && (bytes[i] ?? 0) <= NINE) i++;
    return i === begin ? -1 : i;
  }

  #number(bytes: Uint8Array, i: number, limit: number): number {
    if (bytes[i] === MINUS) i++;
    if (i < limit && bytes[i] === ZERO) i++;
    else if ((i = this.#digits(bytes, i, limit)) < 0) return -1;
    if (i < limit && bytes[i] === DOT && (i = this.#digits(bytes, i + 1, limit)) < 0) return -1;
    if (i < limit && ((bytes[i] ?? 0) | 0x20) === 0x65) {
      i++;
      if (i < limit && (bytes[i] === MINUS || bytes[i] === 0x2b)) i++;
      i = this.#digits(bytes, i, limit);
    }
    return i;
  }

  #array(bytes: Uint8Array, i: number, limit: number, levels: number): number {
    i = this.#space(bytes, i, limit);
    if (i < limit && bytes[i] === CLOSE_ARRAY) return i + 1;
    for (;;) {
      i = this.#value(bytes, i, limit, levels);
      if (i < 0) return -1;
      i = this.#space(bytes, i, limit);
      if (i >= limit) return -1;
      if (bytes[i] === CLOSE_ARRAY) return i + 1;
      if (bytes[i] !== COMMA) return -1;
      i = this.#space(bytes, i + 1, limit);
    }
  }

  #object(bytes: Uint8Array, i: number, limit: number, levels: number): number {
    i = this.#space(bytes, i, limit);
    if (i < limit && bytes[i] === CLOSE) return i + 1;
    for (;;) {
      if (i >= limit || bytes[i] !== QUOTE) return -1;
      i = this.#string(bytes, i + 1, limit);
      if (i < 0) return -1;
      i = this.#space(bytes, i, limit);
      if (i >= limit || bytes[i] !== COLON) return -1;
      i = this.#value(bytes, this.#space(bytes, i + 1, limit), limit, levels);
      if (i < 0) return -1;
      i = this.#space(bytes, i, limit);
      if (i >= limit) return -1;
      if (bytes[i] === CLOSE) return i + 1;
      if (bytes[i] !== COMMA) return -1;
      i = this.#space(bytes, i + 1, limit);
    }
  }
}
