// A checksum that tells a changed byte; against accidents, not against people.

/**
 * CRC-32 of bytes, as gzip, PNG and Python's `zlib.crc32` have it: 32 bits without sign.
 *
 * @param before Of the bytes in front of these. Default: there are none.
 */
export type Checksum = (bytes: Uint8Array, before?: number) => number;

/** The polynomial of CRC-32, its lowest power first in the highest bit, as all of the following. */
const POLYNOMIAL = 0xedb88320;
/** x⁰ and x¹. */
const ONE = 0x80000000, X = 0x40000000;

/** The product of two polynomials, modulo that of CRC-32. */
function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) sum ^= b;
    b = (b & 1) !== 0 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return sum >>> 0;
}

/** The checksum of bytes from that of their first part, and that and the length of the rest. */
function joined(before: number, rest: number, length: number): number {
  let shift = ONE;
  // x to the power of eight times the length: a bit of the length after the other.
  let power = X;
  for (let left = 8 * length; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) shift = product(shift, power);
    power = product(power, power);
  }
  return (product(before, shift) ^ rest) >>> 0;
}

let loading: Promise<Checksum> | undefined;

/**
 * The checksum, as zlib computes it: 40 GB/s, where one in JavaScript has 7. It is loaded when it is first
 * asked for, which takes 20 ms: a hub is to be there before.
 */
export function loadChecksum(): Promise<Checksum> {
  // That of Deno 2.4 takes a `before` of 2³¹ and more wrongly once it is called often.
  return loading ??= import("node:zlib").then(({ crc32 }) => (bytes, before = 0) =>
    before < 2 ** 31 ? crc32(bytes, before) : joined(before, crc32(bytes), bytes.length)
  );
}
