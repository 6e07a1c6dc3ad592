// Certificates: one that a hub makes for itself, and the fingerprint by which any is known.
//
// Nobody has to vouch for it: what makes it the hub's is that the hub's proof, made with the key,
// covers its fingerprint (lib/keys/handshake.ts).

import { fillRandom, toBase64Url } from "../keys/key.ts";
import { concat, encodePem, integer, objectId, TAG, value } from "./der.ts";

/** The name in each certificate that a hub makes for itself; clients ask for this one. */
export const CERTIFICATE_NAME = "abcd";

const ECDSA_SHA256 = "1.2.840.10045.4.3.2", COMMON_NAME = "2.5.4.3";
const ALTERNATIVE_NAMES = "2.5.29.17", BASIC_CONSTRAINTS = "2.5.29.19", KEY_USAGE = "2.5.29.15";
const IN_A_CERTIFICATE = 0xa0;
/** It is taken for what it is, not for how old it is: the last moment that UTCTime can tell. */
const NOT_AFTER = "491231235959Z";

/** A certificate and its private key, both as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly privateKey: string;
}

const encoder = new TextEncoder();
const sequence = (...content: Uint8Array[]) => value(TAG.sequence, ...content);
const text = (tag: number, words: string) => value(tag, encoder.encode(words));

function extension(id: string, isCritical: boolean, content: Uint8Array): Uint8Array {
  const critical = isCritical ? [value(TAG.boolean, Uint8Array.of(0xff))] : [];
  return sequence(objectId(id), ...critical, value(TAG.octetString, content));
}

function utcTime(date: Date): Uint8Array {
  const digits = date.toISOString().replaceAll(/[-:T]/g, "").slice(2, 14);
  return text(TAG.utcTime, `${digits}Z`);
}

/**
 * Makes a certificate (RFC 5280) that is signed with its own key, ECDSA on P-256.
 *
 * @param hosts Names of the computer, beside `abcd` and `localhost`.
 * @param now From when on it holds, less a day: clocks differ.
 */
export async function makeCertificate(
  hosts: readonly string[],
  now: Date,
): Promise<Certificate> {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const privateKey = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const serial = new Uint8Array(16);
  fillRandom(serial);
  const algorithm = sequence(objectId(ECDSA_SHA256));
  const name = sequence(
    value(TAG.set, sequence(objectId(COMMON_NAME), text(TAG.utf8, CERTIFICATE_NAME))),
  );
  const names = [...new Set([CERTIFICATE_NAME, "localhost", ...hosts])];
  const extensions = sequence(
    extension(ALTERNATIVE_NAMES, false, sequence(...names.map((one) => text(0x82, one)))),
    // Not one that vouches for others: those are not taken as a server's own.
    extension(BASIC_CONSTRAINTS, true, sequence()),
    // For digital signatures: the first bit of eight, seven of which are not used.
    extension(KEY_USAGE, true, value(TAG.bitString, Uint8Array.of(7, 0x80))),
  );
  const body = sequence(
    value(IN_A_CERTIFICATE, value(TAG.integer, Uint8Array.of(2))), // version 3
    integer(serial),
    algorithm,
    name,
    sequence(utcTime(new Date(now.getTime() - 86_400_000)), text(TAG.utcTime, NOT_AFTER)),
    name,
    publicKey,
    value(IN_A_CERTIFICATE + 3, extensions),
  );
  const how = { name: "ECDSA", hash: "SHA-256" };
  const signed = new Uint8Array(await crypto.subtle.sign(how, pair.privateKey, body));
  const signature = sequence(integer(signed.subarray(0, 32)), integer(signed.subarray(32)));
  const whole = sequence(
    body,
    algorithm,
    value(TAG.bitString, concat(Uint8Array.of(0), signature)),
  );
  return {
    certificate: encodePem("CERTIFICATE", whole),
    privateKey: encodePem("PRIVATE KEY", privateKey),
  };
}

/** What a certificate is known by: the SHA-256 of its DER, in base64url; 43 characters. */
export async function fingerprint(der: Uint8Array<ArrayBuffer>): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", der)));
}

/** Whether this can be a fingerprint. */
export function isFingerprint(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
