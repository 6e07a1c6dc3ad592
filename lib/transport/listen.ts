// The ports of a hub: listening, with or without TLS, and taking connections until that is over.

import type { Log } from "../log_contract.ts";

/** A port that is listened on. */
export type Listener = Deno.TcpListener | Deno.TlsListener;

/** Where to listen. */
export interface ListenOptions {
  /** What is spoken there; it is said in errors. */
  readonly what: "TCP" | "HTTP";
  /** 0: any free one. */
  readonly port: number;
  /** The address to bind to. */
  readonly hostname: string;
  /** The certificate to show, both parts as PEM. Default: no TLS. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string };
}

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

/**
 * Listens on a port.
 *
 * @throws {Error} `Cannot listen on …` with the reason, and what to do.
 */
export function listen(options: ListenOptions): Listener {
  const { port, hostname, tls } = options;
  try {
    if (tls === undefined) return Deno.listen({ hostname, port });
    return Deno.listenTls({ hostname, port, cert: tls.certificate, key: tls.privateKey });
  } catch (error) {
    throw cannotListen(options, error);
  }
}

/** Accepts connections until the listener is closed; resolves when all of them have ended. */
export async function acceptAll(
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
