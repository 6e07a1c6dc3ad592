// Where the hub is: as somebody said, or as it announces itself by UDP.

import { BEACON_SEC, HTTP_PORT } from "../defaults.ts";
import { listenForHubs } from "../discovery/udp.ts";
import type { Log } from "../log_contract.ts";

/** Where a hub listens for WebSocket. */
export interface HubAddress {
  readonly host: string;
  readonly port: number;
  /** Whether it speaks TLS. Default: it does not, as far as is known. */
  readonly tls?: boolean;
  /** The fingerprint of its certificate, as it was announced. */
  readonly fingerprint?: string;
}

/**
 * Reads `host` or `host:port`; IPv6 addresses in brackets. The port defaults to 9819.
 *
 * @throws {TypeError} If it is neither.
 */
export function parseAddress(text: string): HubAddress {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:\/\[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? HTTP_PORT);
  if (match === null || port < 1 || port > 65535) {
    const hint = /^[0-9a-fA-F.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)
      ? "; IPv6 stands in brackets, as [::1] or [::1]:9819"
      : "";
    throw new TypeError(
      `Cannot read the hub's address "${text}": it is not host or host:port${hint}`,
    );
  }
  return { host: match[1] ?? "", port };
}

/** Options of {@linkcode findHub}. */
export interface FindOptions {
  readonly beaconPort: number;
  /** The name of the hub to take. Default: the first that is heard. */
  readonly hub?: string;
  /** Whether a hub is not to be taken, whatever its name. Default: none. */
  readonly avoid?: (address: HubAddress) => boolean;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Told once if more than one hub is heard and nobody said which: their names and addresses. */
  readonly several?: (heard: readonly string[], advice: string) => void;
}

/**
 * Listens for hubs until one is heard that will do, and a little longer, to hear whether there is
 * another.
 *
 * @throws {Error} If the UDP port cannot be listened on, or when aborted.
 */
export function findHub(options: FindOptions): Promise<HubAddress> {
  const { beaconPort, hub: wanted, log } = options;
  const found = Promise.withResolvers<HubAddress>();
  const enough = new AbortController();
  const signal = AbortSignal.any([options.signal, enough.signal]);
  (async () => {
    const heard = new Map<string, string>();
    const names = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      for await (const hub of listenForHubs({ beaconPort, signal })) {
        const address = {
          host: hub.host,
          port: hub.http,
          tls: hub.tls !== undefined,
          fingerprint: hub.tls,
        };
        const take = (wanted === undefined || wanted === hub.name) &&
          options.avoid?.(address) !== true;
        if (take) {
          found.resolve(address);
          timer ??= setTimeout(() => enough.abort(), BEACON_SEC * 1250);
          Deno.unrefTimer(timer);
        }
        // One hub is heard on several networks; and a false one may have the number of the true one.
        if (heard.has(hub.id)) continue;
        const text = `"${hub.name}" at ${hub.host}:${hub.http}`;
        const isBack = [...heard.values()].includes(text); // it was started again meanwhile
        heard.set(hub.id, text);
        if (isBack) continue;
        const isNamesake = names.has(hub.name);
        names.add(hub.name);
        if (heard.size > 1 && (wanted === undefined || (isNamesake && wanted === hub.name))) {
          const all = [...new Set(heard.values())];
          const advice = isNamesake
            ? `give those of one name others with "abcd server --name", or choose by the address with --server`
            : "name one with --hub";
          log.warn(`Several hubs are heard: ${all.join(", ")}; takes the first; ${advice}`);
          options.several?.(all, advice);
        } else if (!take) {
          log.info(`Heard the hub ${heard.get(hub.id)}; waits for "${wanted}"`);
        }
      }
      found.reject(new Error("closed"));
    } catch (error) {
      found.reject(error);
    } finally {
      clearTimeout(timer);
    }
  })();
  return found.promise;
}
