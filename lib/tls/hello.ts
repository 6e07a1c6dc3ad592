// Asks a TLS server which certificate it has, in as much of TLS 1.2 (RFC 5246) as that takes: its
// certificate comes in the clear, and Deno's own TLS does not show it. Nothing is trusted here: the
// certificate is then the only one that a real connection takes.

import { doInTime } from "../do_in_time.ts";
import { concat } from "./der.ts";

const HANDSHAKE = 22, CLIENT_HELLO = 1, CERTIFICATE = 11;
/** All certificates of a chain, and what is before them, come in fewer bytes. */
const MAX_ANSWER = 64 * 1024;

/** Suites with an ephemeral key, for both kinds of certificates (RFC 5289, RFC 7905). */
const SUITES = [0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8];
/** x25519, P-256, P-384. */
const GROUPS = [29, 23, 24];
const SIGNATURES = [0x0403, 0x0503, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601];

const two = (n: number) => Uint8Array.of(n >> 8, n & 0xff);
const counted = (bytes: Uint8Array) => concat(two(bytes.length), bytes);
const list = (numbers: readonly number[]) => counted(concat(...numbers.map(two)));
const extension = (type: number, content: Uint8Array) => concat(two(type), counted(content));

/** The first message of a client. */
export function clientHello(random: Uint8Array): Uint8Array {
  const body = concat(
    two(0x0303), // TLS 1.2: later ones hide the certificate
    random,
    Uint8Array.of(0), // no session
    list(SUITES),
    Uint8Array.of(1, 0), // no compression
    counted(concat(
      extension(10, list(GROUPS)),
      extension(11, Uint8Array.of(1, 0)), // points as they are
      extension(13, list(SIGNATURES)),
      extension(23, new Uint8Array()), // extended master secret, RFC 7627
    )),
  );
  const message = concat(Uint8Array.of(CLIENT_HELLO, 0), counted(body));
  return concat(Uint8Array.of(HANDSHAKE), two(0x0301), counted(message));
}

/**
 * The server's own certificate in what it has answered so far, as DER.
 *
 * @returns `undefined`: more has to come.
 * @throws {Error} If it is no answer of TLS, or a refusal.
 */
export function certificateIn(answer: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  let messages = new Uint8Array();
  for (let i = 0; i + 5 <= answer.length;) {
    const [type = 0, major = 0] = answer.subarray(i);
    const length = (answer[i + 3] ?? 0) << 8 | (answer[i + 4] ?? 0);
    if (type !== HANDSHAKE || major !== 3) throw new Error("it does not speak TLS 1.2");
    if (i + 5 + length > answer.length) break;
    messages = concat(messages, answer.subarray(i + 5, i + 5 + length));
    i += 5 + length;
  }
  const three = (at: number) =>
    (messages[at] ?? 0) << 16 | (messages[at + 1] ?? 0) << 8 | (messages[at + 2] ?? 0);
  for (let i = 0; i + 4 <= messages.length;) {
    const end = i + 4 + three(i + 1);
    if (end > messages.length) return undefined;
    if (messages[i] === CERTIFICATE) {
      // The length of all of them, and that of the first.
      const begin = i + 10, length = three(i + 7);
      if (length === 0 || begin + length > end) throw new Error("it has no certificate");
      return messages.slice(begin, begin + length);
    }
    i = end;
  }
  return undefined;
}

/**
 * The certificate of the server there, as DER.
 *
 * @throws {Error} If nobody listens there, or it does not speak TLS, or takes too long; the reason of
 * `signal`.
 */
export async function askCertificate(
  address: { readonly hostname: string; readonly port: number },
  timeoutSec: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  // A computer that is off says nothing, and the system would wait for two minutes.
  return await doInTime((over) => certificateFrom(address, over), {
    sec: timeoutSec,
    late: `${address.hostname}:${address.port} did not show a certificate within ${timeoutSec} s`,
    signal,
  });
}

async function certificateFrom(
  address: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const connection = await Deno.connect({ ...address, signal });
  const close = () => {
    try {
      connection.close();
    } catch {
      // it is closed
    }
  };
  signal.addEventListener("abort", close);
  try {
    const random = crypto.getRandomValues(new Uint8Array(32));
    const hello = clientHello(random);
    for (let done = 0; done < hello.length;) done += await connection.write(hello.subarray(done));
    const answer = new Uint8Array(MAX_ANSWER);
    let length = 0;
    while (length < MAX_ANSWER) {
      const count = await connection.read(answer.subarray(length));
      if (count === null) break;
      length += count;
      const certificate = certificateIn(answer.subarray(0, length));
      if (certificate !== undefined) return certificate;
    }
    throw new Error("it ended without a certificate");
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
