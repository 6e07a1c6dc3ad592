// The datagrams of discovery: the two by which a hub announces itself, and the one that asks hubs to
// do so at once. No sockets here.

import { escapeControls } from "../plain_text.ts";
import { isFingerprint } from "../tls/certificate.ts";

/** What a libABCD 0.1 program listens for, to the byte. */
export const IamABCD = "IamABCD";

/**
 * Asks hubs to announce themselves now, so that nobody waits for their next turn. It goes to the UDP
 * port of the same number as HTTP: the announcements' own port belongs to those who listen.
 */
export const WhereIsABCD = "WhereIsABCD";

/** The version of the beacon's form. */
const FORM = 1;
/** A beacon is shorter than this, so that no network cuts it in pieces. */
const MAX_BEACON_BYTES = 512;

/** What a hub says of itself. */
export interface Beacon {
  /** The hub's name. */
  readonly name: string;
  /** Tells two hubs of the same name apart. */
  readonly id: string;
  /** The IPv6 address at which it listens; without one it is where its announcements come from. */
  readonly host?: string;
  /** TCP port of HTTP and WebSocket. */
  readonly http: number;
  /** TCP port of plain JSON objects. */
  readonly tcp: number;
  /** The fingerprint of the hub's certificate; without one it speaks no TLS. */
  readonly tls?: string;
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535;
}

/** Whether it may be an IPv6 address; who connects to it finds out. */
export function isIPv6(text: string): boolean {
  return /^[0-9a-fA-F:.]{2,45}$/.test(text) && text.includes(":");
}

/**
 * The datagram of a beacon.
 *
 * @throws {RangeError} If it would be 512 bytes or longer.
 */
export function encodeBeacon(beacon: Beacon): Uint8Array {
  const { name, id, host, http, tcp, tls } = beacon;
  const text = JSON.stringify({ abcd: FORM, name, id, host, http, tcp, tls });
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= MAX_BEACON_BYTES) {
    throw new RangeError(`Cannot announce the hub: its name is too long (${name.length})`);
  }
  return bytes;
}

/** The beacon in a datagram; `undefined` if it is none: anybody may send anything to this port. */
export function parseBeacon(datagram: Uint8Array): Beacon | undefined {
  if (datagram.length >= MAX_BEACON_BYTES || datagram[0] !== 0x7b) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(datagram));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { abcd, name, id, host, http, tcp, tls } = value as { readonly [field: string]: unknown };
  if (abcd !== FORM || typeof name !== "string" || name === "" || typeof id !== "string") {
    return undefined;
  }
  // It is shown on terminals, and anybody on the network can send it.
  if (escapeControls(name) !== name) return undefined;
  if (!isPort(http) || http === 0 || !isPort(tcp)) return undefined;
  if (host !== undefined && !(typeof host === "string" && isIPv6(host))) return undefined;
  if (tls !== undefined && !(typeof tls === "string" && isFingerprint(tls))) return undefined;
  return {
    ...{ name, id, http, tcp },
    ...(host === undefined ? {} : { host }),
    ...(tls === undefined ? {} : { tls }),
  };
}
