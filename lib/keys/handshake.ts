// The mutual challenge by which a client joins: each side shows that it has the key, neither sends it.
//
//   client → hub   _init       {name, key: ID, nonce: N1, …}
//   hub → client   _challenge  {hub, nonce: N2, proof}     the hub has the key: the client goes on
//   client → hub   _proof      {proof, address}            the client has it: the hub says _welcome
//
// Each proof is an HMAC-SHA-256 over the role, both nonces, both names and, the client's, the address
// it connected to. A proof is so worth nothing in another role, another connection, under another
// name; and nothing to a false hub that passes it on to the true one, since the address is not the
// true hub's.

import { fromBase64Url, hmac, isHmac, type Key, toBase64Url } from "./key.ts";

/** Bytes of a nonce. */
const NONCE_BYTES = 18;

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
}

/** A text that nobody has used before. */
export function makeNonce(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
}

/** Whether this can be a nonce. */
export function isNonce(text: string): boolean {
  return (fromBase64Url(text)?.length ?? 0) === NONCE_BYTES;
}

/** A JSON array: no two joinings have the same text, whatever their names hold. */
function transcript(role: "hub" | "client", joining: Joining, address: string): string {
  const { key, client, hub, clientNonce, hubNonce } = joining;
  return JSON.stringify(["abcd 1", role, key, client, hub, clientNonce, hubNonce, address]);
}

/** The hub's proof, in base64url. */
export async function proveHub(key: Key, joining: Joining): Promise<string> {
  return toBase64Url(await hmac(key.secret, transcript("hub", joining, "")));
}

/** Whether a hub's proof is right. */
export async function isHubProof(key: Key, joining: Joining, proof: string): Promise<boolean> {
  const bytes = fromBase64Url(proof);
  return bytes !== undefined && await isHmac(key.secret, transcript("hub", joining, ""), bytes);
}

/**
 * The client's proof, in base64url.
 *
 * @param address The hub's address as the client reached it, `IP:port`.
 */
export async function proveClient(key: Key, joining: Joining, address: string): Promise<string> {
  return toBase64Url(await hmac(key.secret, transcript("client", joining, address)));
}

/** Whether a client's proof is right. Whether the address is one of the hub's is another question. */
export async function isClientProof(
  key: Key,
  joining: Joining,
  address: string,
  proof: string,
): Promise<boolean> {
  const bytes = fromBase64Url(proof);
  if (bytes === undefined) return false;
  return await isHmac(key.secret, transcript("client", joining, address), bytes);
}
