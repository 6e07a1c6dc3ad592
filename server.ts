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
import { createJournal, type Journal, type JournalOptions } from "./lib/journal/journal.ts";
import { type Ledger, openLedger } from "./lib/journal/ledger.ts";
import { type HubJournal, readPage } from "./lib/journal/page.ts";
import { type Log, NO_LOG } from "./lib/log.ts";
import { type Answer, type RequestHead, serveHttpConnection } from "./lib/transport/http.ts";
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
  listener: Deno.TcpListener,
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
 */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const {
    httpPort = HTTP_PORT,
    tcpPort = TCP_PORT,
    bind = "0.0.0.0",
    beaconPort = BEACON_PORT,
    beaconSec = BEACON_SEC,
    maxBytes = MAX_MESSAGE_BYTES,
    log = NO_LOG,
  } = options;
  const name = options.name ?? Deno.hostname();
  const id = crypto.randomUUID();
  const clock = createTurnClock();
  const { heartbeatSec, timeoutSec, joinSec, queueBytes } = options;
  const { mailboxMessages, mailboxBytes, mailboxAgeSec } = options;
  const given = {
    ...{ heartbeatSec, timeoutSec, joinSec, queueBytes },
    ...{ mailboxMessages, mailboxBytes, mailboxAgeSec },
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
    ...set,
    ...(journal === undefined ? {} : { journal: asHubJournal(journal) }),
    ledger,
  });
  alarm = hub.publishAlarm.bind(hub);
  const accept = hub.attach.bind(hub);

  async function listen(what: string, port: number): Promise<Deno.TcpListener> {
    try {
      return Deno.listen({ hostname: bind, port });
    } catch (error) {
      await ledger?.[Symbol.asyncDispose]();
      await journal?.[Symbol.asyncDispose]();
      throw cannotListen(what, port, error);
    }
  }

  function answer({ path }: RequestHead): Answer | undefined {
    if (path === "/health") return json({ ok: true, name, id, ...ports, ...hub.stats() });
    if (path === "/clients") return json(hub.clients());
    return undefined;
  }

  const tcp = await listen("TCP", tcpPort);
  let http: Deno.TcpListener;
  try {
    http = await listen("HTTP", httpPort);
  } catch (error) {
    tcp.close();
    throw error;
  }
  const { joinSec: headSec = JOIN_SEC } = options;
  const ending = new AbortController();
  const httpOptions = { accept, maxBytes, headSec, signal: ending.signal, answer };
  const accepting = [
    acceptAll(tcp, (conn) => serveTcpConnection(conn, { accept, maxBytes }), log),
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
        beacon: { name, id, ...ports },
        bind,
        log,
      });
    } catch (error) {
      log.warn(`Cannot announce the hub by UDP: ${error}; clients need --server`);
    }
  }
  const ticker = setInterval(() => {
    hub.tick(Date.now());
    options.onTick?.();
  }, TICK_MS);

  log.info(
    `hub ${name} listens: http ${hostPort(http.addr)}, tcp ${hostPort(tcp.addr)}, ${
      beacon === undefined ? "no beacon" : `beacon udp ${beaconPort}`
    }`,
  );
  log.warn("Anybody who reaches these ports may join, and send any message to any client");

  return {
    name,
    id,
    httpPort: ports.http,
    tcpPort: ports.tcp,
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
