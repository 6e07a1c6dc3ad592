// Keys: what a key is as text, how one with fewer rights is made from the main one.
//
// A key is ID.SECRET. The main key's secret is 32 random bytes in base64url; every other key's secret
// is the HMAC-SHA-256 of its ID under the main one. So the hub keeps one secret, and a key is taken
// back by taking its ID out of the rights file. The secret's text itself is what HMACs are made with,
// so that a program in any language needs no decoding.

/** The ID of the key that may do everything. */
export const MAIN_KEY_ID = "main";

const ID = /^[a-z0-9][a-z0-9-]{0,31}$/;
const SECRET_BYTES = 32;
// 32 bytes in base64url, without padding.
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const PROOF = /^[0-9a-f]{64}$/;

/** A key that can be used. */
export interface Key {
  readonly id: string;
  /** 43 characters. Never logged, never sent. */
  readonly secret: string;
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

/** A new main key. */
export function makeMainKey(random: (bytes: Uint8Array) => void = fillRandom): Key {
  const secret = new Uint8Array(SECRET_BYTES);
  random(secret);
  return { id: MAIN_KEY_ID, secret: toBase64Url(secret) };
}

/** Fills with bytes that nobody can guess. */
export function fillRandom(bytes: Uint8Array): void {
  crypto.getRandomValues(bytes);
}

const encoder = new TextEncoder();

function importKey(key: Key, use: "sign" | "verify"): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", encoder.encode(key.secret), algorithm, false, [use]);
}

async function hmac(key: Key, text: string): Promise<Uint8Array> {
  const signing = await importKey(key, "sign");
  return new Uint8Array(await crypto.subtle.sign("HMAC", signing, encoder.encode(text)));
}

/** The HMAC-SHA-256 of a text, as 64 hexadecimal digits. */
export async function sign(key: Key, text: string): Promise<string> {
  return Array.from(await hmac(key, text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether that is the text's signature; takes as long for a wrong one as for the right one. */
export async function isSignature(key: Key, text: string, signature: string): Promise<boolean> {
  if (!PROOF.test(signature)) return false;
  const bytes = Uint8Array.from(
    { length: 32 },
    (_, i) => parseInt(signature.slice(2 * i, 2 * i + 2), 16),
  );
  const verifying = await importKey(key, "verify");
  return await crypto.subtle.verify("HMAC", verifying, bytes, encoder.encode(text));
}

/**
 * The key of that ID which belongs to a main key; the main key itself for its own ID.
 *
 * @throws {TypeError} If the ID cannot be one.
 */
export async function deriveKey(main: Key, id: string): Promise<Key> {
  if (id === MAIN_KEY_ID) return main;
  if (!isKeyId(id)) {
    throw new TypeError(
      `Cannot make the key "${id}": an ID is 1 to 32 of a-z 0-9 -, not beginning with -`,
    );
  }
  // What is signed in a joining has several lines; this has one: neither can pass for the other.
  return { id, secret: toBase64Url(await hmac(main, `abcd key ${id}`)) };
}

/** Whether two keys are the same; takes as long whatever they are. */
export async function isSameKey(one: Key, other: Key): Promise<boolean> {
  return one.id === other.id && await isSignature(other, "abcd same", await sign(one, "abcd same"));
}

/** The text of a key, as it stands in a key file or in `ABCD_KEY`. */
export function keyText(key: Key): string {
  return `${key.id}.${key.secret}`;
}

/**
 * Reads a key from its text; white space around it is no matter.
 *
 * @throws {SyntaxError} If it is none. The message never has the text in it.
 */
export function parseKey(text: string): Key {
  const [id = "", secret = "", ...more] = text.trim().split(".");
  if (!isKeyId(id) || !SECRET.test(secret) || more.length > 0) {
    throw new SyntaxError(
      'Cannot read the key: it is not an ID, a dot and 43 characters, as "abcd key" shows it',
    );
  }
  return { id, secret };
}
