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

function json(value: unknown, status = 200): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) + "\n" };
}

/** What a hub should do and does not, though it passes messages on. */
function problemsOf({ journal, ledger }: HubStats): string[] {
  const why = [journal?.stopped, ledger?.stopped].filter((one) => typeof one === "string");
  return [...new Set(why)];
}

/** A script looks at the status alone (curl --fail), or at `ok`: both are to say it. */
function health(about: { readonly [fact: string]: unknown }, stats: HubStats): Answer {
  const problems = problemsOf(stats);
  const ok = problems.length === 0;
  return json({ ok, ...(ok ? {} : { problems }), ...about, ...stats }, ok ? 200 : 503);
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
    if (path === "/health") return health({ name, id, ...ports }, hub.stats());
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
