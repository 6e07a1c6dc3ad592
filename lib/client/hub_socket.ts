// The connection under a client: a WebSocket, or, where the hub has a certificate, lines on TLS.
//
// Deno's WebSocket cannot be told in every version that is supported to take one certificate and no
// other. So over TLS the messages go as over plain TCP, a line each; the hub's HTTP port takes both.

import { HTTP_PORT } from "../defaults.ts";
import { plainAddress } from "../keys/handshake.ts";
import { fingerprint } from "../tls/certificate.ts";
import { askCertificate } from "../tls/hello.ts";
import { chooseTls, whyNotTaken } from "../tls/take_certificate.ts";
import type { HubAddress } from "./find_hub.ts";

/** An open connection to a hub. */
export interface HubSocket {
  readonly isOpen: boolean;
  /** Bytes that were sent and are not on their way yet. */
  readonly bufferedAmount: number;
  /** Sends one message. Nothing if it is not open. */
  send(text: string): void;
  /** Ends it, after what was sent; resolves when it has ended. */
  close(): Promise<void>;
}

/** What a connection tells. After `over` it says nothing more. */
export interface HubSocketEvents {
  /** It can be sent on. */
  opened(): void;
  /** One message. */
  text(text: string): void;
  /** It has ended, or could not begin: why, in words. Once. */
  over(reason: string): void;
}

/** A hub that was reached, and how to open the connection to it. */
export interface Reached {
  /** `IP:port`, as both sides put it into their proofs. */
  readonly address: string;
  /** The fingerprint of its certificate; empty without TLS. */
  readonly certificate: string;
  open(events: HubSocketEvents): HubSocket;
}

/** So long the other side may take to read the rest, in milliseconds. */
const LINGER_MS = 2000;
/** Time for a certificate to come, in seconds. */
const CERTIFICATE_SEC = 5;

const textOf = (error: unknown) => error instanceof Error ? error.message : String(error);

function isNumeric(host: string): boolean {
  return host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host);
}

/** What Deno says of a WebSocket, with what to do where somebody named the hub's other port. */
function explained(message: string): string {
  if (!message.includes("invalid HTTP version")) return message;
  return `${message}: no HTTP is spoken there; is it the hub's port for plain TCP? ` +
    `Clients of abcd take that for HTTP, ${HTTP_PORT} as it comes`;
}

/** Opens a WebSocket. */
function openWebSocket(where: string, events: HubSocketEvents): HubSocket {
  const socket = new WebSocket(`ws://${where}/ws`);
  const closed = Promise.withResolvers<void>();
  let error: string | undefined;
  socket.onopen = () => events.opened();
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") events.text(data);
  };
  socket.onerror = (event) => {
    if (event instanceof ErrorEvent && event.message !== "") error ??= explained(event.message);
  };
  socket.onclose = ({ code, reason }) => {
    closed.resolve();
    // After some errors it comes twice.
    socket.onclose = null;
    events.over(
      reason !== ""
        ? reason
        : `${where}${error === undefined ? ` closed the connection (${code})` : `: ${error}`}`,
    );
  };
  return {
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close() {
      if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
      try {
        socket.close();
      } catch {
        // it is closing
      }
      return closed.promise;
    },
  };
}

/** Lines of messages on a connection. */
function openLines(conn: Deno.Conn, where: string, events: HubSocketEvents): HubSocket {
  const encoder = new TextEncoder();
  const over = Promise.withResolvers<void>();
  const waiting: Uint8Array[] = [];
  let bufferedAmount = 0;
  let isWriting = false;
  let written = Promise.resolve();
  let isOpen = true;
  let said = false;

  function end(reason: string): void {
    isOpen = false;
    try {
      conn.close();
    } catch {
      // it is closed
    }
    over.resolve();
    if (said) return;
    said = true;
    events.over(reason);
  }

  async function writeAll(): Promise<void> {
    isWriting = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (let done = 0; done < next.length;) done += await conn.write(next.subarray(done));
      bufferedAmount -= next.length;
    }
    // In the same turn in which there was no more: what comes now is written by the next.
    isWriting = false;
  }

  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    const buffer = new Uint8Array(64 * 1024);
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split(
        "\n",
      );
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "" && isOpen) events.text(line);
    }
    end(`${where} closed the connection`);
  }

  const failed = (error: unknown) =>
    end(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  queueMicrotask(() => {
    events.opened();
    read().catch(failed);
  });
  return {
    get isOpen() {
      return isOpen;
    },
    get bufferedAmount() {
      return bufferedAmount;
    },
    send(text) {
      if (!isOpen) return;
      const bytes = encoder.encode(text + "\n");
      waiting.push(bytes);
      bufferedAmount += bytes.length;
      if (!isWriting) written = writeAll().catch(failed);
    },
    async close() {
      isOpen = false;
      // What it says after that, nobody hears.
      said = true;
      const late = setTimeout(() => end("closed"), LINGER_MS);
      await written;
      clearTimeout(late);
      try {
        await conn.closeWrite();
      } catch {
        // it is closed
      }
      end("closed");
      await over.promise;
    },
  };
}

/** A connection that takes this certificate. */
async function startTls(
  address: { readonly hostname: string; readonly port: number },
  der: Uint8Array,
  authorities: string | undefined,
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  const choice = chooseTls(der, authorities);
  const tls = await Deno.startTls(await Deno.connect({ ...address, signal }), choice);
  const close = () => {
    try {
      tls.close();
    } catch {
      // it is closed
    }
  };
  signal.addEventListener("abort", close);
  try {
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close();
    throw signal.aborted ? signal.reason : whyNotTaken(error, der, authorities, Date.now());
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Whether somebody speaks TLS there. */
export async function speaksTls(
  { host, port }: HubAddress,
  signal: AbortSignal,
): Promise<boolean> {
  const hostname = host.replace(/^\[(.*)\]$/, "$1");
  return await askCertificate({ hostname, port }, CERTIFICATE_SEC, signal)
    .then(() => true, () => false);
}

/**
 * Finds out what is on the other side, before anything is said: the address that a name stands for (the
 * operating system's resolver has more sources than DNS), and the certificate.
 *
 * @param authorities Certificates of authorities that are trusted beside those that Deno has, as PEM.
 * @throws {Error} If nobody listens there, or the name is unknown, or TLS cannot be begun; the reason of
 * `signal`.
 */
export async function reach(
  address: HubAddress,
  authorities: string | undefined,
  signal: AbortSignal,
): Promise<Reached> {
  const { host, port } = address;
  const hostname = host.replace(/^\[(.*)\]$/, "$1");
  if (address.tls === true) {
    const der = await askCertificate({ hostname, port }, CERTIFICATE_SEC, signal);
    const certificate = await fingerprint(der);
    if (address.fingerprint !== undefined && address.fingerprint !== certificate) {
      throw new Error(`${host}:${port} does not have the certificate that was announced`);
    }
    let conn: Deno.TlsConn;
    try {
      conn = await startTls({ hostname, port }, der, authorities, signal);
    } catch (error) {
      throw new Error(`Cannot speak TLS with ${host}:${port}: ${textOf(error)}`, { cause: error });
    }
    const where = plainAddress(conn.remoteAddr.hostname, port);
    return {
      address: where,
      certificate,
      open: (events) => openLines(conn, where, events),
    };
  }
  let ip = host;
  if (!isNumeric(host)) {
    using connection = await Deno.connect({ hostname, port, signal });
    ip = connection.remoteAddr.hostname;
  }
  const where = plainAddress(ip, port);
  return { address: where, certificate: "", open: (events) => openWebSocket(where, events) };
}
