// The client's side of TLS: which certificate a connection takes, and, if it takes none, why in words.
//
// What makes a certificate the hub's is that the hub's proof covers it (lib/keys/handshake.ts). But
// Deno tells nobody which certificate a connection has, so the connection is made to take no other
// than the one that was shown before: a certificate that its owner has signed himself is the only
// one that is trusted; one of an authority has to be of an authority that is trusted here, and under a
// name of the one that was shown, wherever the hub was reached: whoever else has a certificate for
// that name, the authority has made a mistake.

import { CERTIFICATE_NAME } from "./certificate.ts";
import { encodePem } from "./der.ts";
import { readSubject } from "./subject.ts";

/** How a connection is begun that takes one certificate. */
export interface TlsChoice {
  readonly hostname: string;
  readonly caCerts: string[];
}

/** A name that a certificate with a `*` in its name holds for, too. */
const concrete = (name: string) => name.replace(/^\*\./, `${CERTIFICATE_NAME}.`);

/**
 * What a connection takes after this certificate was shown.
 *
 * @param authorities Certificates of authorities that are trusted beside those that Deno has, as PEM.
 * @throws {Error} If it is no certificate, or has no name.
 */
export function chooseTls(der: Uint8Array, authorities: string | undefined): TlsChoice {
  const [name] = readSubject(der).names;
  if (name === undefined) {
    throw new Error(
      "its certificate names no computer (it has no subjectAltName), and so nobody can take it: " +
        'make one that does, or start the hub with "--tls-self-signed"',
    );
  }
  const caCerts = [encodePem("CERTIFICATE", der)];
  if (authorities !== undefined) caCerts.push(authorities);
  return { hostname: concrete(name), caCerts };
}

const day = (time: number) => new Date(time).toISOString().slice(0, 10);

/** Why no connection comes about with this certificate: what is the case, and what to do. */
export function whyNotTaken(
  error: unknown,
  der: Uint8Array,
  authorities: string | undefined,
  now: number,
): Error {
  const why = error instanceof Error ? error.message : String(error);
  const { names, notBefore, notAfter } = readSubject(der);
  const words = notAfter < now
    ? `its certificate (for ${names.join(", ")}) was good until ${
      day(notAfter)
    }: renew it on the ` +
      "hub's computer; or this computer's clock is wrong"
    : notBefore > now
    ? `its certificate (for ${names.join(", ")}) is good from ${
      day(notBefore)
    } on: this computer's ` +
      "clock is wrong, or the hub's was when it was made"
    : /CaUsedAsEndEntity/.test(why)
    ? "its certificate is one for signing others (CA:TRUE), and none of a server: make one with " +
      'CA:FALSE, or start the hub with "--tls-self-signed"'
    : /UnknownIssuer|BadSignature/.test(why)
    ? `its certificate (for ${names.join(", ")}) is of an authority that this computer does not ` +
      `know${
        authorities === undefined ? "" : ", nor is it in the file of --ca or ABCD_CA"
      }: copy ` +
      "the authority's certificate here, and name the file with --ca or in ABCD_CA; or the hub " +
      "shows too little: the file of its --cert has those of authorities in between, too"
    : undefined;
  return new Error(words === undefined ? why : `${words} (${why})`, { cause: error });
}
