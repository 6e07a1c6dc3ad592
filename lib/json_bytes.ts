// JSON values as bytes: where they end, if they are complete and correct, as `JSON.parse` would have them.
// Each function is given where a value, or a part of it, begins, and returns where it ends, or -1; `view` is of
// the same bytes.

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, COLON = 0x3a, MINUS = 0x2d, DOT = 0x2e;
const OPEN = 0x7b, CLOSE = 0x7d, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d;
const SPACE = 0x20, TAB = 0x09, ZERO = 0x30, NINE = 0x39;

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
export function behindPlain(bytes: Uint8Array, view: DataView, i: number, limit: number): number {
  for (const last = limit - 7; i < last; i += 8) {
    const one = special(view.getInt32(i, true)), two = special(view.getInt32(i + 4, true));
    if ((one | two) !== 0) return one !== 0 ? i + firstOf(one) : i + 4 + firstOf(two);
  }
  while (i < limit && PLAIN[bytes[i] ?? 0] === 1) i++;
  return i;
}

/** Whether a string that is correct has a backslash in it. */
export function hasEscapes(bytes: Uint8Array, begin: number, end: number): boolean {
  for (let i = begin; i < end; i++) if (bytes[i] === BACKSLASH) return true;
  return false;
}

/** Behind white space. A line's end is none here: one message is one line. */
export function behindSpace(bytes: Uint8Array, i: number, limit: number): number {
  while (i < limit && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
  return i;
}

/** Behind the closing quote of a string that begins at `i`, or -1. */
function behindString(bytes: Uint8Array, view: DataView, i: number, limit: number): number {
  const end = behindPlain(bytes, view, i, limit);
  return end < limit && bytes[end] === QUOTE ? end + 1 : behindOddString(bytes, view, end, limit);
}

/** The same from a byte on that does not stand for itself. */
export function behindOddString(
  bytes: Uint8Array,
  view: DataView,
  i: number,
  limit: number,
): number {
  for (;;) {
    if (i >= limit) return -1;
    const byte = bytes[i] ?? 0;
    if (byte === QUOTE) return i + 1;
    if (byte >= 0x80) {
      i = behindCharacter(bytes, i, limit);
      if (i < 0) return -1;
    } else if (byte === BACKSLASH) {
      if (i + 1 >= limit) return -1;
      const what = bytes[i + 1] ?? 0;
      if (ESCAPED[what] === 1) i += 2;
      else if (what === 0x75 && i + 6 <= limit && isHex(bytes, i + 2)) i += 6;
      else return -1;
    } else return -1;
    i = behindPlain(bytes, view, i, limit);
  }
}

function isHex(bytes: Uint8Array, i: number): boolean {
  for (let k = i; k < i + 4; k++) if (HEX[bytes[k] ?? 0] === 0) return false;
  return true;
}

/** Behind any value, or -1; `levels` more may be inside each other. */
export function behindValue(
  bytes: Uint8Array,
  view: DataView,
  i: number,
  limit: number,
  levels: number,
): number {
  if (i >= limit) return -1;
  switch (bytes[i]) {
    case QUOTE:
      return behindString(bytes, view, i + 1, limit);
    case OPEN:
      return levels === 0 ? -1 : behindObject(bytes, view, i + 1, limit, levels - 1);
    case OPEN_ARRAY:
      return levels === 0 ? -1 : behindArray(bytes, view, i + 1, limit, levels - 1);
    case 0x74:
      return behindWord("true", bytes, i, limit);
    case 0x66:
      return behindWord("false", bytes, i, limit);
    case 0x6e:
      return behindWord("null", bytes, i, limit);
    default:
      return behindNumber(bytes, i, limit);
  }
}

function behindWord(word: string, bytes: Uint8Array, i: number, limit: number): number {
  if (i + word.length > limit) return -1;
  for (let k = 1; k < word.length; k++) if (bytes[i + k] !== word.charCodeAt(k)) return -1;
  return i + word.length;
}

function behindDigits(bytes: Uint8Array, i: number, limit: number): number {
  const begin = i;
  while (i < limit && (bytes[i] ?? 0) >= ZERO && (bytes[i] ?? 0) <= NINE) i++;
  return i === begin ? -1 : i;
}

function behindNumber(bytes: Uint8Array, i: number, limit: number): number {
  if (bytes[i] === MINUS) i++;
  if (i < limit && bytes[i] === ZERO) i++;
  else if ((i = behindDigits(bytes, i, limit)) < 0) return -1;
  if (i < limit && bytes[i] === DOT && (i = behindDigits(bytes, i + 1, limit)) < 0) return -1;
  if (i < limit && ((bytes[i] ?? 0) | 0x20) === 0x65) {
    i++;
    if (i < limit && (bytes[i] === MINUS || bytes[i] === 0x2b)) i++;
    i = behindDigits(bytes, i, limit);
  }
  return i;
}

function behindArray(
  bytes: Uint8Array,
  view: DataView,
  i: number,
  limit: number,
  levels: number,
): number {
  i = behindSpace(bytes, i, limit);
  if (i < limit && bytes[i] === CLOSE_ARRAY) return i + 1;
  for (;;) {
    i = behindValue(bytes, view, i, limit, levels);
    if (i < 0) return -1;
    i = behindSpace(bytes, i, limit);
    if (i >= limit) return -1;
    if (bytes[i] === CLOSE_ARRAY) return i + 1;
    if (bytes[i] !== COMMA) return -1;
    i = behindSpace(bytes, i + 1, limit);
  }
}

function behindObject(
  bytes: Uint8Array,
  view: DataView,
  i: number,
  limit: number,
  levels: number,
): number {
  i = behindSpace(bytes, i, limit);
  if (i < limit && bytes[i] === CLOSE) return i + 1;
  for (;;) {
    if (i >= limit || bytes[i] !== QUOTE) return -1;
    i = behindString(bytes, view, i + 1, limit);
    if (i < 0) return -1;
    i = behindSpace(bytes, i, limit);
    if (i >= limit || bytes[i] !== COLON) return -1;
    i = behindValue(bytes, view, behindSpace(bytes, i + 1, limit), limit, levels);
    if (i < 0) return -1;
    i = behindSpace(bytes, i, limit);
    if (i >= limit) return -1;
    if (bytes[i] === CLOSE) return i + 1;
    if (bytes[i] !== COMMA) return -1;
    i = behindSpace(bytes, i + 1, limit);
  }
}
