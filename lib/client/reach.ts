// Where a hub really is: an address that a name stands for, as both sides put it into their proofs.

import { plainAddress } from "../keys/handshake.ts";
import type { HubAddress } from "./find_hub.ts";

/** A hub's address as numbers. */
export interface Reached {
  /** `IP:port`, for a URL. */
  readonly where: string;
  /** `IP:port`, for a proof. */
  readonly address: string;
}

function isNumeric(host: string): boolean {
  return host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host);
}

/**
 * Finds out what a name stands for, by connecting: the resolver of the operating system has more
 * sources than DNS.
 *
 * @throws {Error} If nobody listens there, or the name is unknown.
 */
export async function reach({ host, port }: HubAddress): Promise<Reached> {
  let hostname = host;
  if (!isNumeric(host)) {
    using connection = await Deno.connect({ hostname: host, port });
    hostname = connection.remoteAddr.hostname;
  }
  const address = plainAddress(hostname, port);
  return { where: address, address };
}
