// What a hub tells by HTTP: /health, /clients and /metrics, and to whom.

import type { ClientEntry, HubStats } from "./message.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import type { Answer } from "./transport/http.ts";
import { VERSION } from "./version.ts";

/** What the pages are made of. */
export interface PageSources {
  /** The hub's name. */
  readonly name: string;
  /** The id of this start of the hub. */
  readonly id: string;
  readonly ports: { readonly http: number; readonly tcp: number };
  /** Whether /clients and /metrics are for other computers, too. */
  readonly isPublic: boolean;
  readonly hub: { stats(): HubStats; clients(): readonly ClientEntry[] };
}

/** Who asks, both as `host:port`. */
export interface Asker {
  readonly address: string;
  /** Where the hub was reached. */
  readonly local: string;
}

function json(value: unknown): Answer {
  return { type: "application/json", body: JSON.stringify(value) + "\n" };
}

/** The host in `host:port`. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "[::1]" || host.startsWith("[::ffff:127.");
}

/** Makes what answers a request for one of them; `undefined`: nothing is there. */
export function createPages(
  { name, id, ports, isPublic, hub }: PageSources,
): (request: { readonly path: string }, asker: Asker) => Answer | undefined {
  /** Who is here, and what they do, is told on this computer alone, unless that is said. */
  const isFree = ({ address, local }: Asker) =>
    isPublic || isLoopback(hostOf(address)) || hostOf(address) === hostOf(local);

  return ({ path }, asker) => {
    if (path === "/health") return json({ ok: true, name, id, ...ports, ...hub.stats() });
    if (!isFree(asker)) {
      return {
        status: 403,
        body:
          "Cannot tell that without a key: ask by message (abcd status, abcd send cmd=_clients), " +
          "or start the hub with --open-http\n",
      };
    }
    if (path === "/clients") return json(hub.clients());
    if (path === "/metrics") {
      const residentBytes = Deno.memoryUsage().rss;
      const text = metricsText({ hub: name, version: VERSION, stats: hub.stats(), residentBytes });
      return { type: METRICS_TYPE, body: text };
    }
    return undefined;
  };
}
