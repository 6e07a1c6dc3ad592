// What a certificate says of itself, as far as who meets it has to know: its names, and until when it
// holds. Nothing is verified here.

import { objectId, TAG } from "./der.ts";

/** What a certificate says of itself. */
export interface CertificateSubject {
  /** The computers that it is for, DNS names and addresses; empty: it names none. */
  readonly names: readonly string[];
  /** Since when it holds, and how long, in milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

const ALTERNATIVE_NAMES = objectId("2.5.29.17").subarray(2).join();
const VERSION = 0xa0, EXTENSIONS = 0xa3, DNS_NAME = 0x82, IP_ADDRESS = 0x87;
const GENERALIZED_TIME = 0x18;
/** Years of two digits from here on are those of the last century (RFC 5280, 4.1.2.5.1). */
const LAST_CENTURY = 50;

/** The values in a constructed one. Ends where the bytes do not make sense. */
function* elements(bytes: Uint8Array): Generator<Element, void, void> {
  for (let at = 0; at + 2 <= bytes.length;) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    at += 2;
    if (length >= 0x80) {
      const digits = length - 0x80;
      if (digits === 0 || digits > 4 || at + digits > bytes.length) return;
      length = bytes.subarray(at, at + digits).reduce((sum, byte) => sum * 256 + byte, 0);
      at += digits;
    }
    if (at + length > bytes.length) return;
    yield { tag, content: bytes.subarray(at, at + length) };
    at += length;
  }
}

const latin1 = new TextDecoder("latin1");

function timeOf({ tag, content }: Element): number {
  const digits = latin1.decode(content);
  const match = /^(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (match === null) return NaN;
  const [, century, yy = "", month = "", day = "", hour = "", minute = "", second = ""] = match;
  const first = tag === GENERALIZED_TIME ? century : Number(yy) < LAST_CENTURY ? "20" : "19";
  return Date.parse(`${first}${yy}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function nameOf({ tag, content }: Element): string[] {
  if (tag === DNS_NAME) return [latin1.decode(content)];
  if (tag !== IP_ADDRESS) return [];
  if (content.length === 4) return [content.join(".")];
  if (content.length !== 16) return [];
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((content[2 * i] ?? 0) << 8 | (content[2 * i + 1] ?? 0)).toString(16),
  );
  return [groups.join(":")];
}

function namesIn(extensions: Element): string[] {
  const [list] = elements(extensions.content);
  for (const one of elements(list?.content ?? new Uint8Array())) {
    const [id, ...rest] = elements(one.content);
    if (id?.tag !== TAG.objectId || id.content.join() !== ALTERNATIVE_NAMES) continue;
    const [names] = elements(rest.at(-1)?.content ?? new Uint8Array());
    return [...elements(names?.content ?? new Uint8Array())].flatMap(nameOf);
  }
  return [];
}

/**
 * Reads a certificate (RFC 5280, 4.1).
 *
 * @throws {Error} If it is none.
 */
export function readSubject(der: Uint8Array): CertificateSubject {
  const [whole] = elements(der);
  const [body] = elements(whole?.content ?? new Uint8Array());
  const fields = [...elements(body?.content ?? new Uint8Array())];
  if (fields[0]?.tag === VERSION) fields.shift();
  // serial number, algorithm, issuer, validity, subject, public key, and what else there is
  const [, , , validity, , , ...rest] = fields;
  const [from, until] = elements(validity?.content ?? new Uint8Array());
  if (from === undefined || until === undefined) throw new Error("it is no certificate of X.509");
  const extensions = rest.find(({ tag }) => tag === EXTENSIONS);
  return {
    names: extensions === undefined ? [] : namesIn(extensions),
    notBefore: timeOf(from),
    notAfter: timeOf(until),
  };
}
