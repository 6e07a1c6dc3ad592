// The client: joins a hub, sends, asks, listens, and joins again by itself when the hub comes back.

import type { Client, ConnectOptions } from "./client/contract.ts";
import { RefusedError } from "./client/errors.ts";
import { HubClient } from "./client/hub_client.ts";
import { BEACON_PORT } from "./defaults.ts";
import { environment } from "./environment.ts";

/** After so long a program that waits for a hub says so, in seconds: more than between two announcements. */
const HINT_SEC = 3;

export type * from "./client/contract.ts";
export * from "./client/errors.ts";

/**
 * A client that starts to join at once and keeps trying, whatever the hub says to it: what happens
 * is in its events. What is sent before it has joined waits.
 *
 * @throws {MessageError} If the name cannot be one.
 * @throws {TypeError} If the server's address cannot be read.
 */
export function createClient(options: ConnectOptions = {}): Client {
  return new HubClient(options);
}

/**
 * A client that has joined.
 *
 * @throws {RefusedError} If the hub refuses it.
 * @throws {DOMException} `TimeoutError` after `timeoutSec`; the reason of `signal`.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { timeoutSec, signal } = options;
  signal?.throwIfAborted();
  const client = createClient(options);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = options.server ?? environment("ABCD_SERVER");
  let last: string | undefined;
  const offs = [
    client.addEventListener("joined", () => resolve()),
    client.addEventListener("refused", ({ code, text }) => reject(new RefusedError(code, text))),
    client.addEventListener("searching", ({ reason }) => {
      if (!reason.startsWith("listening")) last = reason;
    }),
    client.addEventListener("closed", ({ reason }) => reject(signal?.reason ?? new Error(reason))),
  ];
  const why = (seconds: number) => {
    const which = options.hub === undefined ? "a hub: none" : `the hub "${options.hub}": it never`;
    const port = options.beaconPort ?? environment("ABCD_BEACON_PORT") ?? BEACON_PORT;
    return server === undefined && last === undefined
      ? `Cannot find ${which} announced itself on UDP port ${port} in ${seconds} s; start one with "abcd server" or name it with --server`
      : `Cannot join the hub${server === undefined ? "" : ` at ${server}`} in ${seconds} s: ${
        last ?? "no answer"
      }`;
  };
  // A program that waits for ever is not to do it without a word.
  const hint = timeoutSec !== undefined || options.log !== undefined ? undefined : setTimeout(
    () => console.error(`${client.name}: ${why(HINT_SEC)}; it goes on looking`),
    HINT_SEC * 1000,
  );
  const timer = timeoutSec === undefined ? undefined : setTimeout(
    () => reject(new DOMException(why(timeoutSec), "TimeoutError")),
    Math.min(timeoutSec * 1000, 2 ** 31 - 1),
  );
  try {
    await promise;
    return client;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    clearTimeout(hint);
    clearTimeout(timer);
    for (const off of offs) off();
  }
}
