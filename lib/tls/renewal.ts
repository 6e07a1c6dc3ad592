// The certificate of a running hub. Its files are renewed while the hub runs: an ACME client does so
// every few weeks, and nobody is there to start the hub again.

import type { Log } from "../log_contract.ts";
import { type HubCertificate, ownCertificate, readCertificate } from "./tls_files.ts";

/** Which certificate a hub shows: the one in two PEM files, or one that it makes for itself and keeps. */
export type CertificateSource = { readonly cert: string; readonly key: string } | "self-signed";

/** The certificate of a running hub. */
export interface HubTls {
  /** The one to show now. */
  readonly certificate: HubCertificate;
  /**
   * The certificate, if another one has come into the files and can be used. What cannot is said in the
   * log, once; so is each day that the one there ends soon. To be called each second or so: both files
   * have to be the same for two calls, as they are not written at once.
   *
   * @param now In milliseconds since 1970.
   */
  look(now: number): Promise<HubCertificate | undefined>;
}

const DAY_MS = 86_400_000;
/** ACME clients renew when a third of the time is left. With half of that, or so little, it has failed. */
const SOON_MS = 14 * DAY_MS, SOON_SHARE = 1 / 6;

function stateOf(path: string): string {
  try {
    const { mtime, size, ino } = Deno.statSync(path);
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch {
    return "";
  }
}

/**
 * Reads the certificate of a hub, or makes it.
 *
 * @param host The computer's name.
 * @param ending Told each day that it ends soon, or has ended, in words.
 * @throws {KeyFileError} If there is none that can be used.
 */
export async function openHubTls(
  source: CertificateSource,
  host: string,
  log: Log,
  ending: (text: string) => void,
): Promise<HubTls> {
  const files = source === "self-signed" ? undefined : source;
  const lookAt = () => files === undefined ? "" : `${stateOf(files.cert)}, ${stateOf(files.key)}`;
  let taken = lookAt(), seen = taken;
  let certificate = files === undefined
    ? await ownCertificate([host])
    : await readCertificate(files.cert, files.key);
  let nextWarning = 0;
  let saidNameless: HubCertificate | undefined;

  function warn(now: number): void {
    if (certificate.names.length === 0 && saidNameless !== certificate) {
      saidNameless = certificate;
      log.warn(
        `The certificate ${certificate.from} names no computer (it has no subjectAltName): clients ` +
          "do not take it; make one that does",
      );
    }
    const { notBefore, notAfter, from } = certificate;
    const soonMs = Math.min(SOON_MS, (notAfter - notBefore) * SOON_SHARE);
    if (notAfter - now > soonMs || now < nextWarning) return;
    nextWarning = now + DAY_MS;
    const when = new Date(notAfter).toISOString().slice(0, 16).replace("T", " ");
    const what = notAfter > now ? "ends" : "ended";
    ending(
      `The certificate ${from} ${what} at ${when} UTC, and no client takes it after that: put a ` +
        "new one in its place, the hub takes it up by itself",
    );
  }

  return {
    get certificate() {
      return certificate;
    },
    async look(now) {
      warn(now);
      const state = lookAt();
      const isSettled = state === seen;
      seen = state;
      if (files === undefined || state === taken || !isSettled) return undefined;
      taken = state;
      try {
        const next = await readCertificate(files.cert, files.key);
        if (next.fingerprint === certificate.fingerprint) return undefined;
        certificate = next;
        nextWarning = 0;
        return next;
      } catch (error) {
        log.error(`${error instanceof Error ? error.message : error}; the old certificate goes on`);
        return undefined;
      }
    },
  };
}
