// A hub on the network: HTTP with WebSocket, plain TCP, announcements by UDP.

import {
  BEACON_PORT,
  BEACON_SEC,
  HTTP_PORT,
  JOIN_SEC,
  MAX_MESSAGE_BYTES,
  TCP_PORT,
} from "./lib/defaults.ts";
import { startBeacon } from "./lib/discovery/udp.ts";
import { createPages } from "./lib/http_pages.ts";
import { Hub } from "./lib/hub/hub.ts";
import { type HubRecords, openHubRecords } from "./lib/journal/hub_records.ts";
import type { JournalOptions } from "./lib/journal/journal.ts";
import { openHubKeys } from "./lib/keys/hub_keys.ts";
import { sayWhoMayJoin } from "./lib/keys/who_may_join.ts";
import { type Log, NO_LOG } from "./lib/log.ts";
import { type CertificateSource, openHubTls } from "./lib/tls/renewal.ts";
import { serveHttpConnection } from "./lib/transport/http.ts";
import { openPort, type Port } from "./lib/transport/listen.ts";
import { hostPort } from "./lib/transport/socket.ts";
import { serveTcpConnection } from "./lib/transport/tcp.ts";
import { createTurnClock } from "./lib/turn_clock.ts";

/** Options of {@linkcode startServer}; all have defaults. */
export interface ServerOptions {
  /** The hub's name. Default: the computer's. */
  name?: string;
  /** Port of HTTP and WebSocket; 0: any free one. */
  httpPort?: number;
  /** Port of plain TCP; 0: any free one. */
  tcpPort?: number;
  /** Address to listen on. Default: all. */
  bind?: string;
  /** Address for plain TCP to listen on. Default: as `bind`. */
  tcpBind?: string;
  /** The file with the hub's key; it is made if it is not there. Default: the user's key file. */
  keyFile?: string;
  /** The file with the rights of other keys. Default: `rights.jsonc` beside the user's key file. */
  rightsFile?: string;
  /** Who has no key may join, and do everything. Default: false. */
  open?: boolean;
  /** Who has no key may join by plain TCP. Default: false. */
  openTcp?: boolean;
  /** Keys may be shown in plain text. Default: false. */
  plainKeys?: boolean;
  /** Everything that HTTP tells may be read without a key, also from other computers. */
  openHttp?: boolean;
  /**
   * Shows this certificate, both parts as PEM files, which may be renewed meanwhile; or one that it
   * makes for itself and keeps. Then HTTP speaks TLS, and plain TCP too, unless that is open.
   * Default: no TLS.
   */
  tls?: CertificateSource;
  /** Addresses by which clients reach the hub, beside its own: `host:port`. */
  addresses?: readonly string[];
  /** Origins of web pages that may open a WebSocket; `"*"`: all. Default: none. */
  origins?: readonly string[];
  beaconPort?: number;
  /** Seconds between announcements; 0: none. */
  beaconSec?: number;
  heartbeatSec?: number;
  timeoutSec?: number;
  joinSec?: number;
  maxBytes?: number;
  queueBytes?: number;
  /** What may wait for one durable client that is away: messages, bytes, and for how long. */
  mailboxMessages?: number;
  mailboxBytes?: number;
  mailboxAgeSec?: number;
  /** Where all messages are kept, and for how long. Default: nowhere. */
  journal?: Omit<JournalOptions, "log" | "onAlarm">;
  log?: Log;
  /** How often the watchdog has started the hub again. Default: 0. */
  restarts?: number;
  /** Called each second from the loop that serves messages. */
  onTick?: () => void;
}

/** A running hub. Disposing of it tells the clients, then closes everything. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  /** Different at each start. */
  readonly id: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  /** Reads the key and the rights again. They are also looked at each second. */
  reload(): void;
}

const TICK_MS = 1000;

/** What the hub is told of the options, as far as they are given. */
function hubSettings(options: ServerOptions) {
  const { heartbeatSec, timeoutSec, joinSec, queueBytes } = options;
  const { mailboxMessages, mailboxBytes, mailboxAgeSec, restarts } = options;
  const given = {
    ...{ heartbeatSec, timeoutSec, joinSec, queueBytes },
    ...{ mailboxMessages, mailboxBytes, mailboxAgeSec, restarts },
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/**
 * Starts a hub.
 *
 * @throws {Error} `Cannot listen on …` with the reason.
 * @throws {KeyFileError} If there is no key and none can be made.
 * @throws {FileError} With every problem of the rights file.
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const {
    httpPort = HTTP_PORT,
    tcpPort = TCP_PORT,
    bind = "0.0.0.0",
    tcpBind = bind,
    open = false,
    beaconPort = BEACON_PORT,
    beaconSec = BEACON_SEC,
    joinSec: headSec = JOIN_SEC,
    maxBytes = MAX_MESSAGE_BYTES,
    log = NO_LOG,
  } = options;
  const name = options.name ?? Deno.hostname();
  const id = crypto.randomUUID();
  const clock = createTurnClock();
  let alarm: Hub["publishAlarm"] = () => {};
  const tls = options.tls && await openHubTls(options.tls, Deno.hostname(), log, (text) => {
    log.warn(text);
    alarm("certificate", "ending", text);
  });
  const keys = openHubKeys({ ...options, hub: name });
  const records: HubRecords | undefined = options.journal && await openHubRecords({
    journal: { clock, ...options.journal },
    log,
    onAlarm: (of, state, text) => alarm(of, state, text),
  });
  const hub = new Hub({
    name,
    clock,
    steady: () => performance.now(),
    log,
    maxBytes,
    door: keys.door,
    ...hubSettings(options),
    journal: records?.journal,
    ledger: records?.ledger,
  });
  alarm = hub.publishAlarm.bind(hub);

  const accept = hub.attach.bind(hub);
  const ending = new AbortController();
  const origins = (options.origins ?? []).map((origin) => origin.toLowerCase());
  // Who is let in there without a key is too old for TLS, too.
  const tcpTls = options.openTcp ? undefined : tls?.certificate;
  let tcp: Port | undefined, http: Port;
  /** What HTTP answers, once it is known on which ports that is. */
  let answer: ReturnType<typeof createPages> = () => undefined;
  try {
    tcp = openPort(
      { what: "TCP", port: tcpPort, hostname: tcpBind, tls: tcpTls },
      (conn, certificate) => serveTcpConnection(conn, { accept, maxBytes, certificate }),
      log,
    );
    http = openPort(
      { what: "HTTP", port: httpPort, hostname: bind, tls: tls?.certificate },
      (conn, certificate) =>
        serveHttpConnection(conn, {
          ...{ accept, maxBytes, headSec, signal: ending.signal, origins, certificate },
          answer: (request, socket) => answer(request, socket),
        }),
      log,
    );
  } catch (error) {
    await tcp?.close();
    await records?.[Symbol.asyncDispose]();
    throw error;
  }
  const ports = { http: http.addr.port, tcp: tcp.addr.port };
  const isPublic = open || options.openHttp === true;
  answer = createPages({ name, id, ports, isPublic, hub });
  let closed = false;

  let renewal: Promise<void> | undefined;
  async function renewCertificate(): Promise<void> {
    const next = await tls?.look(Date.now());
    if (next === undefined || closed) return;
    await Promise.all([http.show(next), tcpTls === undefined ? undefined : tcp?.show(next)]);
    log.info(`shows the certificate that is in ${next.from} now, fingerprint ${next.fingerprint}`);
  }

  let beacon: AsyncDisposable | undefined;
  if (beaconSec > 0) {
    try {
      beacon = await startBeacon({
        beaconPort,
        intervalSec: beaconSec,
        beacon: {
          ...{ name, id, ...ports },
          get tls() {
            return tls?.certificate.fingerprint;
          },
        },
        bind: http.addr.hostname,
        log,
      });
    } catch (error) {
      log.warn(`Cannot announce the hub by UDP: ${error}; clients need --server`);
    }
  }
  const review = (what: "nothing" | "rights" | "key") => {
    if (what !== "nothing") hub.doorChanged(what === "key");
  };
  const ticker = setInterval(() => {
    if (closed) return; // Deno 2.4 may call one that was cleared
    hub.tick(Date.now());
    review(keys.look());
    renewal ??= renewCertificate().finally(() => renewal = undefined);
    options.onTick?.();
  }, TICK_MS);

  const where = { http: hostPort(http.addr), tcp: hostPort(tcp.addr) };
  log.info(
    `hub ${name} listens: http ${where.http}, tcp ${where.tcp}, ${
      beacon === undefined ? "no beacon" : `beacon udp ${beaconPort}`
    }`,
  );
  if (tls !== undefined) {
    const { from, fingerprint } = tls.certificate;
    const what = tcpTls === undefined ? "HTTP speaks TLS, plain TCP does not" : "both speak TLS";
    log.info(`${what}; certificate ${from}, fingerprint ${fingerprint}`);
  }
  sayWhoMayJoin(options, keys.from, where, log);

  return {
    name,
    id,
    httpPort: ports.http,
    tcpPort: ports.tcp,
    reload: () => review(keys.reload()),
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      clearInterval(ticker);
      await beacon?.[Symbol.asyncDispose]();
      hub.shutdown();
      ending.abort();
      await Promise.all([tcp?.close(), http.close()]);
      await records?.[Symbol.asyncDispose]();
    },
  };
}
