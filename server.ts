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
import { Hub } from "./lib/hub/hub.ts";
import { type HubKeys, openHubKeys } from "./lib/keys/hub_keys.ts";
import { createJournal, type Journal, type JournalOptions } from "./lib/journal/journal.ts";
import { type Ledger, openLedger } from "./lib/journal/ledger.ts";
import { type HubJournal, readPage } from "./lib/journal/page.ts";
import { type Log, NO_LOG } from "./lib/log.ts";
import { METRICS_TYPE, metricsText } from "./lib/metrics.ts";
import { type HubCertificate, ownCertificate, readCertificate } from "./lib/tls/tls_files.ts";
import { type Answer, type RequestHead, serveHttpConnection } from "./lib/transport/http.ts";
import { hostPort, type Socket } from "./lib/transport/socket.ts";
import { serveTcpConnection } from "./lib/transport/tcp.ts";
import { createTurnClock } from "./lib/turn_clock.ts";
import { VERSION } from "./lib/version.ts";

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
   * Shows this certificate, both parts as PEM files; or one that it makes for itself and keeps. Then
   * HTTP speaks TLS, and plain TCP too, unless that is open. Default: no TLS.
   */
  tls?: { readonly cert: string; readonly key: string } | "self-signed";
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
/** Mail and last values, in the journal's folder: who holds the one holds the other. */
const LEDGER_FILE = "ledger.ndjson";

function asHubJournal(journal: Journal): HubJournal {
  return {
    get seq() {
      return journal.seq;
    },
    append: (text, envelope) => journal.append(text, envelope),
    synced: (since) => journal.synced(since),
    page: (query, options) => readPage(journal, query, options),
    stats: () => journal.stats(),
  };
}

function json(value: unknown): Answer {
  return { type: "application/json", body: JSON.stringify(value) + "\n" };
}

/** Accepts connections until the listener is closed; resolves when all of them have ended. */
async function acceptAll(
  listener: { accept(): Promise<Deno.Conn> },
  serve: (conn: Deno.Conn) => Promise<void>,
  log: Log,
): Promise<void> {
  const connections = new Set<Promise<void>>();
  for (;;) {
    try {
      const conn = await listener.accept();
      const served = serve(conn)
        .catch((error) => log.error(`Cannot serve a connection: ${error}`))
        .finally(() => connections.delete(served));
      connections.add(served);
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        break;
      }
      log.error(`Cannot accept a connection: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await Promise.all(connections);
}

/** What everybody who starts a hub has to know of its locks. */
function sayWhoMayJoin(
  options: ServerOptions,
  keys: HubKeys,
  log: Log,
  where: { http: string; tcp: string },
): void {
  if (options.open) {
    log.warn(
      `The hub is open: anybody who reaches ${where.http} or ${where.tcp} may join, and send any message to any client`,
    );
  }
  log.info(
    `${keys.from}; another computer gets it with "abcd key" here and "abcd key --set" there`,
  );
  if (options.openTcp && !options.open) {
    log.warn(`Anybody who reaches ${where.tcp} (plain TCP) may join without a key`);
  }
  if (options.plainKeys) {
    log.warn("Keys in plain text are taken: whoever listens on the network can read them");
  }
  if (options.origins?.includes("*")) {
    log.warn("Every web page that a browser on this network shows may join");
  }
}

/** The host in `host:port`. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "[::1]" || host.startsWith("[::ffff:127.");
}

function cannotListen(what: string, port: number, cause: unknown): Error {
  const why = cause instanceof Deno.errors.AddrInUse
    ? `another program has it, perhaps a hub that is running already: "abcd spy" shows that one, ` +
      `"ss -ltnp sport = :${port}" tells who has the port, and another one is chosen with ` +
      (what === "TCP" ? "--tcp-port" : "--http-port")
    : cause instanceof Deno.errors.AddrNotAvailable
    ? 'the address to bind to is none of this computer\'s; "ip addr" shows those it has'
    : cause instanceof Deno.errors.PermissionDenied && port > 0 && port < 1024
    ? "ports under 1024 are for the system's own services; choose a higher one"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new Error(`Cannot listen on ${what} port ${port}: ${why}`, { cause });
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
    maxBytes = MAX_MESSAGE_BYTES,
    log = NO_LOG,
  } = options;
  const name = options.name ?? Deno.hostname();
  const id = crypto.randomUUID();
  const clock = createTurnClock();
  const certificate = options.tls === undefined
    ? undefined
    : options.tls === "self-signed"
    ? await ownCertificate([Deno.hostname()])
    : await readCertificate(options.tls.cert, options.tls.key);
  const keys = openHubKeys({ ...options, hub: name });
  const { heartbeatSec, timeoutSec, joinSec, queueBytes } = options;
  const { mailboxMessages, mailboxBytes, mailboxAgeSec, restarts } = options;
  const given = {
    ...{ heartbeatSec, timeoutSec, joinSec, queueBytes },
    ...{ mailboxMessages, mailboxBytes, mailboxAgeSec, restarts },
  };
  const set = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  let alarm: Hub["publishAlarm"] = () => {};
  let journal: Journal | undefined;
  let ledger: Ledger | undefined;
  if (options.journal !== undefined) {
    try {
      journal = await createJournal({
        clock,
        ...options.journal,
        log,
        onAlarm: (state, text) => alarm("journal", state, text),
      });
      log.info(`journal in ${journal.folder}, ${journal.seq} messages so far`);
      ledger = await openLedger({
        path: `${journal.folder}/${LEDGER_FILE}`,
        log,
        onAlarm: (state, text) => alarm("ledger", state, text),
      });
    } catch (error) {
      // No reason to be without a hub.
      const why = error instanceof Error ? error.message : String(error);
      const what = journal === undefined ? "a journal" : "the ledger";
      const said = why.startsWith("Cannot")
        ? why
        : `Cannot write ${what} in ${options.journal.folder}: ${why}`;
      const without = journal === undefined ? "keeps no journal" : "holds mail in memory alone";
      log.error(`${said}; the hub ${without}`);
    }
  }
  const hub = new Hub({
    name,
    clock,
    log,
    maxBytes,
    door: keys.door,
    ...set,
    ...(journal === undefined ? {} : { journal: asHubJournal(journal) }),
    ledger,
  });
  alarm = hub.publishAlarm.bind(hub);
  const accept = hub.attach.bind(hub);

  async function listen(
    what: string,
    port: number,
    hostname: string,
    tls: HubCertificate | undefined,
  ): Promise<Deno.TcpListener | Deno.TlsListener> {
    try {
      if (tls === undefined) return Deno.listen({ hostname, port });
      return Deno.listenTls({ hostname, port, cert: tls.certificate, key: tls.privateKey });
    } catch (error) {
      await ledger?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
      throw cannotListen(what, port, error);
    }
  }

  /** Who is here, and what they do, is told on this computer alone, unless that is said. */
  const isFree = ({ address, local }: Socket) =>
    open || options.openHttp === true || isLoopback(hostOf(address)) ||
    hostOf(address) === hostOf(local);

  function answer({ path }: RequestHead, socket: Socket): Answer | undefined {
    if (path === "/health") return json({ ok: true, name, id, ...ports, ...hub.stats() });
    if (!isFree(socket)) {
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
  }

  // Who is let in there without a key is too old for TLS, too.
  const tcpTls = options.openTcp ? undefined : certificate;
  const tcp = await listen("TCP", tcpPort, tcpBind, tcpTls);
  let http: Deno.TcpListener | Deno.TlsListener;
  try {
    http = await listen("HTTP", httpPort, bind, certificate);
  } catch (error) {
    tcp.close();
    throw error;
  }
  const review = (what: "nothing" | "rights" | "key") => {
    if (what !== "nothing") hub.doorChanged(what === "key");
  };
  const { joinSec: headSec = JOIN_SEC } = options;
  const ending = new AbortController();
  const origins = (options.origins ?? []).map((origin) => origin.toLowerCase());
  const shown = certificate?.fingerprint;
  const httpOptions = {
    ...{ accept, maxBytes, headSec, signal: ending.signal, answer, origins },
    certificate: shown,
  };
  const tcpOptions = { accept, maxBytes, certificate: tcpTls?.fingerprint };
  const accepting = [
    acceptAll(tcp, (conn) => serveTcpConnection(conn, tcpOptions), log),
    acceptAll(http, (conn) => serveHttpConnection(conn, httpOptions), log),
  ];
  let closed = false;

  const ports = { http: http.addr.port, tcp: tcp.addr.port };
  let beacon: AsyncDisposable | undefined;
  if (beaconSec > 0) {
    try {
      beacon = await startBeacon({
        beaconPort,
        intervalSec: beaconSec,
        beacon: { name, id, ...ports, tls: shown },
        bind,
        log,
      });
    } catch (error) {
      log.warn(`Cannot announce the hub by UDP: ${error}; clients need --server`);
    }
  }
  const ticker = setInterval(() => {
    hub.tick(Date.now());
    review(keys.look());
    options.onTick?.();
  }, TICK_MS);

  log.info(
    `hub ${name} listens: http ${hostPort(http.addr)}, tcp ${hostPort(tcp.addr)}, ${
      beacon === undefined ? "no beacon" : `beacon udp ${beaconPort}`
    }`,
  );
  if (certificate !== undefined) {
    const where = tcpTls === undefined ? "HTTP speaks TLS, plain TCP does not" : "both speak TLS";
    log.info(`${where}; certificate ${certificate.from}, fingerprint ${certificate.fingerprint}`);
  }
  sayWhoMayJoin(options, keys, log, { http: hostPort(http.addr), tcp: hostPort(tcp.addr) });

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
      tcp.close();
      http.close();
      await Promise.all(accepting);
      await ledger?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
    },
  };
}
