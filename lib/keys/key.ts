// Keys: what a key is as text, where it lives, how one with fewer rights is made from the main one.
//
// A key is ID.SECRET. The main key's secret is 32 random bytes; every other key's secret is the
// HMAC-SHA-256 of its ID under the main one. So the hub keeps one secret, and a key is taken back by
// taking its ID out of the rights file.

/** The ID of the key that may do everything. */
export const MAIN_KEY_ID = "main";

const ID = /^[a-z0-9][a-z0-9-]{0,31}$/;
const SECRET_BYTES = 32;
// 32 bytes in base64url, without padding.
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** A key that can be used. */
export interface Key {
  readonly id: string;
  /** 32 bytes. Never logged, never sent. */
  readonly secret: Uint8Array;
}

/** Whether this can be a key's ID: 1 to 32 of `a-z 0-9 -`, not beginning with `-`. */
export function isKeyId(id: string): boolean {
  return ID.test(id);
}

/** Bytes as base64url without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** The bytes of base64url; `undefined` if it is none. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  try {
    return Uint8Array.from(
      atob(text.replaceAll("-", "+").replaceAll("_", "/")),
      (character) => character.charCodeAt(0),
    );
  } catch {
    return undefined;
  }
}

/** A new main key. */
export function makeMainKey(random: (bytes: Uint8Array) => void = fillRandom): Key {
  const secret = new Uint8Array(SECRET_BYTES);
  random(secret);
  return { id: MAIN_KEY_ID, secret };
}

function fillRandom(bytes: Uint8Array): void {
  crypto.getRandomValues(bytes);
}

/** The HMAC-SHA-256 of a text. */
export async function hmac(secret: Uint8Array, text: string): Promise<Uint8Array> {
  const key = await importHmac(secret, "sign");
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text)));
}

/** Whether that is the HMAC-SHA-256 of a text; takes as long for a wrong one as for the right one. */
export async function isHmac(
  secret: Uint8Array,
  text: string,
  proof: Uint8Array,
): Promise<boolean> {
  const key = await importHmac(secret, "verify");
  const signature = new Uint8Array(proof);
  return await crypto.subtle.verify("HMAC", key, signature, new TextEncoder().encode(text));
}

function importHmac(secret: Uint8Array, use: "sign" | "verify"): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", new Uint8Array(secret), algorithm, false, [use]);
}

/**
 * The key of that ID which belongs to a main key; the main key itself for its own ID.
 *
 * @throws {TypeError} If the ID cannot be one.
 */
export async function deriveKey(main: Key, id: string): Promise<Key> {
  if (id === MAIN_KEY_ID) return main;
  if (!isKeyId(id)) {
    throw new TypeError(`Cannot make the key "${id}": an ID is 1 to 32 of a-z 0-9 -`);
  }
  return { id, secret: await hmac(main.secret, `abcd key ${id}`) };
}

/** The text of a key, as it stands in a key file or in `ABCD_KEY`. */
export function keyText(key: Key): string {
  return `${key.id}.${toBase64Url(key.secret)}`;
}

/**
 * Reads a key from its text; white space around it is no matter.
 *
 * @throws {SyntaxError} If it is none. The message never has the text in it.
 */
export function parseKey(text: string): Key {
  const [id = "", secret = "", ...more] = text.trim().split(".");
  const bytes = SECRET.test(secret) ? fromBase64Url(secret) : undefined;
  if (!isKeyId(id) || bytes?.length !== SECRET_BYTES || more.length > 0) {
    throw new SyntaxError(
      'Cannot read the key: it is not an ID, a dot and 43 characters, as "abcd key" shows it',
    );
  }
  return { id, secret: bytes };
}
