// A hub's certificate as files: those that were given, or one that it makes for itself and keeps.

import { configFolder, KeyFileError } from "../keys/key_file.ts";
import { type Certificate, fingerprint, makeCertificate } from "./certificate.ts";
import { decodePem } from "./der.ts";
import { type CertificateSubject, readSubject } from "./subject.ts";

/** A certificate that a hub can show. */
export interface HubCertificate extends Certificate {
  readonly fingerprint: string;
  /** Where it is from, in words. */
  readonly from: string;
  /** The computers that it is for; without any no client takes it. */
  readonly names: readonly string[];
  /** Since when it is good, and how long, in milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

function read(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(`Cannot read the ${what} ${path}: ${why}`);
  }
}

/**
 * The certificate and its private key in two PEM files.
 *
 * @throws {KeyFileError} If a file cannot be read, or has no such thing in it, or they do not belong
 * together.
 */
export async function readCertificate(cert: string, key: string): Promise<HubCertificate> {
  const certificate = read(cert, "certificate");
  const privateKey = read(key, "private key of the certificate");
  const der = decodePem("CERTIFICATE", certificate);
  if (der === undefined) {
    throw new KeyFileError(`Cannot use the certificate ${cert}: there is none in it as PEM`);
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(privateKey)) {
    throw new KeyFileError(
      `Cannot use the private key ${key}: there is none in it as PEM (the hub's own key, with which ` +
        "clients join, is --key-file)",
    );
  }
  try {
    // Whether the two belong together is known by who listens with them.
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: certificate, key: privateKey }).close();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(
      /KeyMismatch/.test(why)
        ? `Cannot use the certificate ${cert}: ${key} is the private key of another one`
        : `Cannot use the certificate ${cert} with the private key ${key}: ${why}`,
    );
  }
  let subject: CertificateSubject;
  try {
    subject = readSubject(der);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KeyFileError(`Cannot use the certificate ${cert}: ${why}`);
  }
  const shown = await fingerprint(der);
  return { certificate, privateKey, fingerprint: shown, from: cert, ...subject };
}

/** Writes a file whole or not at all; not over one that is there. */
function writeOnce(path: string, text: string, mode: number): void {
  const draft = `${path}.${crypto.randomUUID()}`;
  Deno.writeTextFileSync(draft, text, { createNew: true, mode });
  try {
    Deno.linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    Deno.removeSync(draft);
  }
}

/**
 * The certificate that the hub of this user has made for itself: `tls.pem` beside the key file, which
 * holds both parts. At the first start it is made.
 *
 * @param hosts Names of this computer.
 * @throws {KeyFileError} If there is none and none can be made.
 */
export async function ownCertificate(hosts: readonly string[]): Promise<HubCertificate> {
  const folder = configFolder();
  if (folder === undefined) {
    throw new KeyFileError(
      "Cannot keep a certificate: neither XDG_CONFIG_HOME nor HOME says where; give --cert and --key",
    );
  }
  const path = `${folder}/tls.pem`;
  try {
    Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const { certificate, privateKey } = await makeCertificate(hosts, new Date());
    try {
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeOnce(path, certificate + privateKey, 0o600);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new KeyFileError(`Cannot write the certificate ${path}: ${why}`);
    }
  }
  const { mode } = Deno.statSync(path);
  if (mode !== null && (mode & 0o077) !== 0) {
    throw new KeyFileError(
      `Cannot use ${path}: others can read it, and the private key is in it. Remove it, and the hub ` +
        `makes another; if nobody has read it, "chmod 600 ${path}"`,
    );
  }
  return await readCertificate(path, path);
}
