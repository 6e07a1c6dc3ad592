// The mutual challenge by which a client joins: each side shows that it has the key, neither sends it.
//
//   client → hub   _init       {name, key: ID, nonce, address, …}
//   hub → client   _challenge  {hub, nonce, proof}   the hub has the key: the client goes on
//   client → hub   _proof      {proof}               the client has it: the hub says _welcome
//
// Each proof is an HMAC-SHA-256 over the role, the key's ID, both names, both nonces, the address by
// which the client reached the hub, and the hub's certificate. A proof is so worth nothing in another
// role, another connection or under another name. And nothing in the hands of a false hub that asks
// the true one: the true hub proves itself under its own address alone, where the client knows that
// it has reached another one. The other way round the same.

import { fillRandom, isSignature, type Key, sign, toBase64Url } from "./key.ts";

/** Bytes of a nonce that is made here. */
const NONCE_BYTES = 18;
/** Texts of 16 random bytes or more, in hexadecimal digits or base64url. */
const NONCE = /^[A-Za-z0-9_-]{22,64}$/;

/** What both sides know of one joining. */
export interface Joining {
  /** The ID of the key. */
  readonly key: string;
  /** The name that the client asks for. */
  readonly client: string;
  /** The hub's name. */
  readonly hub: string;
  readonly clientNonce: string;
  readonly hubNonce: string;
  /** Where the client reached the hub, `IP:port`, see {@linkcode plainAddress}. */
  readonly address: string;
  /** The fingerprint of the hub's certificate; empty without TLS. */
  readonly certificate: string;
}

/** Which side proves itself. */
export type Role = "hub" | "client";

/** A text that nobody has used before. */
export function makeNonce(random: (bytes: Uint8Array) => void = fillRandom): string {
  const bytes = new Uint8Array(NONCE_BYTES);
  random(bytes);
  return toBase64Url(bytes);
}

/** Whether this can be a nonce: 22 to 64 of `A-Z a-z 0-9 _ -`. */
export function isNonce(text: string): boolean {
  return NONCE.test(text);
}

/** `IP:port` in one form: lower case, IPv6 in brackets, no IPv4 address in the clothes of an IPv6 one. */
export function plainAddress(host: string, port: number): string {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "")
    .replace(/^::ffff:(\d+\.\d+\.\d+\.\d+)$/, "$1");
  return bare.includes(":") ? `[${bare}]:${port}` : `${bare}:${port}`;
}

/**
 * What is signed: nine lines.
 *
 * @throws {TypeError} If a line would not be one: then two joinings could have the same text.
 */
function transcript(role: Role, joining: Joining): string {
  const { key, client, hub, clientNonce, hubNonce, address, certificate } = joining;
  const lines = [
    "abcd 1",
    role,
    key,
    client,
    hub,
    clientNonce,
    hubNonce,
    address,
    certificate,
  ];
  if (lines.some((line) => line.includes("\n"))) {
    throw new TypeError("Cannot sign the joining: a name or an address has a line's end in it");
  }
  return lines.join("\n");
}

/** The proof that this side has the key, as 64 hexadecimal digits. */
export async function prove(role: Role, key: Key, joining: Joining): Promise<string> {
  return await sign(key, transcript(role, joining));
}

/** Whether the other side's proof is right. */
export async function isProof(
  role: Role,
  key: Key,
  joining: Joining,
  proof: string,
): Promise<boolean> {
  return await isSignature(key, transcript(role, joining), proof);
}
