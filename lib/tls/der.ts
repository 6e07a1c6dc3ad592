// As much of DER (ITU-T X.690) as a certificate of ours is made of, and PEM around it (RFC 7468).

/** Tags of ASN.1. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

/** Bytes one after another. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A value with its tag and length. */
export function value(tag: number, ...content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = concat(...content);
  return concat(Uint8Array.of(tag, ...lengthOf(bytes.length)), bytes);
}

/** An integer from its bytes, most significant first, not negative. */
export function integer(bytes: Uint8Array): Uint8Array {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first++;
  const rest = bytes.subarray(first);
  const isNegative = ((rest[0] ?? 0) & 0x80) !== 0;
  return value(TAG.integer, isNegative ? concat(Uint8Array.of(0), rest) : rest);
}

/** An object identifier from its dotted form. */
export function objectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [40 * first + second];
  for (const arc of rest) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | left % 128);
    }
    bytes.push(...digits);
  }
  return value(TAG.objectId, Uint8Array.from(bytes));
}

/** DER as PEM. */
export function encodePem(label: string, der: Uint8Array): string {
  const text = btoa(String.fromCharCode(...der)).replaceAll(/(.{64})(?=.)/g, "$1\n");
  return `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
}

/** The first block of this label in a PEM file; `undefined` if there is none. */
export function decodePem(label: string, pem: string): Uint8Array<ArrayBuffer> | undefined {
  const block = new RegExp(`-----BEGIN ${label}-----([^-]*)-----END ${label}-----`).exec(pem);
  if (block === null) return undefined;
  try {
    return Uint8Array.from(
      atob((block[1] ?? "").replaceAll(/\s/g, "")),
      (character) => character.charCodeAt(0),
    );
  } catch {
    return undefined;
  }
}
