// Which hub to join: the one whose address was given, or one that is heard by UDP; not one that has
// just failed to show that it has the key.

import { BEACON_SEC } from "../defaults.ts";
import type { Log } from "../log_contract.ts";
import { findHub, type HubAddress } from "./find_hub.ts";
import { speaksTls } from "./hub_socket.ts";

/** A hub that has not shown that it has the key is not tried again for this long. */
const PASS_OVER_MS = 10_000;
/** So long another one may take to be heard: more than from one announcement to the next. */
const PATIENCE_MS = BEACON_SEC * 1250;

/** What a hub says when it does not take somebody in. */
export interface Refusal {
  readonly code: string;
  readonly text: string;
}

/** Options of {@linkcode createHubChoice}. */
export interface HubChoiceOptions {
  /** The hub's address. Default: it is to be heard. */
  readonly server: HubAddress | undefined;
  readonly beaconPort: number;
  /** The name of the hub to take of those that are heard. Default: the first. */
  readonly hub?: string;
  /** Told if several are heard and nobody said which. */
  readonly several?: (heard: readonly string[], advice: string) => void;
  readonly log: Log;
  /** Told that it listens for hubs. */
  readonly searching: (reason: string) => void;
  /** Told what the last hub that was passed over said, if no other is heard. */
  readonly refused: (refusal: Refusal) => void;
}

/** Where to join. */
export interface HubChoice {
  /**
   * The hub to try; waits until there is one.
   *
   * @throws {Error} If it cannot listen for hubs, or when aborted.
   */
  next(signal: AbortSignal): Promise<HubAddress>;
  /**
   * This hub has refused without showing that it has the key. Anybody can announce himself, and refuse:
   * that keeps nobody from the true hub.
   *
   * @param where Its `host:port`.
   * @returns Whether others are tried first from now on; not if its address was given.
   */
  passOver(where: string, refusal: Refusal): boolean;
  /**
   * An address that was given does not say whether TLS is spoken there. If nothing was to be made of
   * it, that is found out; resolves to whether it is otherwise than thought.
   */
  learnTls(signal: AbortSignal): Promise<boolean>;
}

/** Begins with every hub as good as another. */
export function createHubChoice(options: HubChoiceOptions): HubChoice {
  const { beaconPort, hub, several, log } = options;
  let server = options.server;
  /** Hubs that are not to be tried again before this time, in milliseconds of a monotonic clock. */
  const passedOver = new Map<string, number>();
  /** What the last of them said. */
  let last: Refusal | undefined;

  async function search(signal: AbortSignal): Promise<HubAddress> {
    const which = hub === undefined ? "a hub" : `the hub "${hub}"`;
    const reason = `listening for ${which} on UDP port ${beaconPort}`;
    log.debug(reason);
    options.searching(reason);
    const now = performance.now();
    for (const [where, until] of passedOver) if (until <= now) passedOver.delete(where);
    // There may be another hub, the true one: only if there is none, nobody else is to be hoped for.
    const refusal = last;
    const timer = refusal === undefined || passedOver.size === 0
      ? undefined
      : setTimeout(() => options.refused(refusal), PATIENCE_MS);
    try {
      return await findHub({
        beaconPort,
        hub,
        several,
        log,
        signal,
        avoid: ({ host, port }) => (passedOver.get(`${host}:${port}`) ?? 0) > performance.now(),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    next: async (signal) => server ?? await search(signal),
    passOver(where, refusal) {
      if (server !== undefined) return false;
      passedOver.set(where, performance.now() + PASS_OVER_MS);
      last = refusal;
      return true;
    },
    async learnTls(signal) {
      if (server === undefined) return false;
      const tls = await speaksTls(server, signal);
      if (tls === (server.tls ?? false)) return false;
      server = { ...server, tls };
      return true;
    },
  };
}
