// The ports of a hub: listening, with or without TLS, and taking connections until that is over.

import type { Log } from "../log_contract.ts";

type Listener = Deno.TcpListener | Deno.TlsListener;

/** A certificate that a port shows, both parts as PEM. */
export interface ShownCertificate {
  readonly certificate: string;
  readonly privateKey: string;
  readonly fingerprint: string;
}

/** Where to listen. */
export interface ListenOptions {
  /** What is spoken there; it is said in errors. */
  readonly what: "TCP" | "HTTP";
  /** 0: any free one. */
  readonly port: number;
  /** The address to bind to. */
  readonly hostname: string;
  /** The certificate to show. Default: no TLS. */
  readonly tls?: ShownCertificate;
}

/** Serves one connection until it ends; `shown`: the fingerprint of the certificate that it was shown. */
export type Serve = (conn: Deno.Conn, shown: string | undefined) => Promise<void>;

/** A port of the hub, listened on until it is closed. */
export interface Port {
  readonly addr: Deno.NetAddr;
  /**
   * Shows this certificate to connections from now on; those that there are go on as they are. Resolves
   * when it does, or the port is closed. One after another, not at once.
   */
  show(tls: ShownCertificate): Promise<void>;
  /** Takes no more connections; resolves when those that there are have ended. */
  close(): Promise<void>;
}

/** A port that was lost while it changed its certificate is tried again this often, in milliseconds. */
const AGAIN_MS = 1000;

function cannotListen({ what, port }: ListenOptions, cause: unknown): Error {
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

function listen(options: ListenOptions): Listener {
  const { port, hostname, tls } = options;
  try {
    if (tls === undefined) return Deno.listen({ hostname, port });
    return Deno.listenTls({ hostname, port, cert: tls.certificate, key: tls.privateKey });
  } catch (error) {
    throw cannotListen(options, error);
  }
}

/** Accepts connections until the listener is closed. */
async function acceptAll(
  listener: Listener,
  serve: (conn: Deno.Conn) => void,
  log: Log,
): Promise<void> {
  for (;;) {
    try {
      serve(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      log.error(`Cannot accept a connection: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/**
 * Listens on a port, and serves who comes.
 *
 * @throws {Error} `Cannot listen on …` with the reason, and what to do.
 */
export function openPort(options: ListenOptions, serve: Serve, log: Log): Port {
  const connections = new Set<Promise<void>>();
  let listener = listen(options);
  const { addr } = listener;
  let isClosed = false;
  let accepting = begin(options.tls?.fingerprint);

  function begin(shown: string | undefined): Promise<void> {
    return acceptAll(listener, (conn) => {
      const served = serve(conn, shown)
        .catch((error) => log.error(`Cannot serve a connection: ${error}`))
        .finally(() => connections.delete(served));
      connections.add(served);
    }, log);
  }

  return {
    addr,
    async show(tls) {
      listener.close();
      // Only then is the port free: a moment, in which it is closed.
      await accepting;
      for (let said = false; !isClosed;) {
        try {
          listener = listen({ ...options, port: addr.port, tls });
          accepting = begin(tls.fingerprint);
          return;
        } catch (error) {
          if (!said) log.error(`${error instanceof Error ? error.message : error}; tries again`);
          said = true;
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      }
    },
    async close() {
      isClosed = true;
      try {
        listener.close();
      } catch {
        // it is closed
      }
      await accepting;
      await Promise.all(connections);
    },
  };
}
