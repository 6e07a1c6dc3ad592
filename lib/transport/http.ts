// As much of HTTP/1.1 as a hub needs: one GET a connection, or a change to WebSocket.

import { problemWithOrigin } from "./origin.ts";
import { Socket } from "./socket.ts";
import type { Accept } from "./transport.ts";
import { speakTcp } from "./tcp.ts";
import { acceptKey, problemWithUpgrade, serveWebSocket } from "./websocket.ts";

/** Longest head of a request, in bytes. */
const MAX_HEAD = 16 * 1024;
/** A message begins with it. */
const OPEN = 0x7b;
/** A connection with TLS begins with it: a record of the handshake (RFC 8446). */
const HANDSHAKE = 0x16;

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** Without what follows a `?`. */
  readonly path: string;
  /** By name in lower case; of several with one name, all, with commas between. */
  readonly headers: ReadonlyMap<string, string>;
}

/** An answer. */
export interface Answer {
  /** Default 200. */
  readonly status?: number;
  /** Default `text/plain; charset=utf-8`. */
  readonly type?: string;
  readonly body: string;
}

/** Options of {@linkcode serveHttpConnection}. */
export interface HttpOptions {
  accept: Accept;
  /** Largest message on a WebSocket. */
  maxBytes: number;
  /** The fingerprint of the certificate that the listener shows. Default: none, there is no TLS. */
  certificate?: string;
  /** For so long the head of a request may take to come, in seconds. */
  headSec: number;
  /** Web pages that may open a WebSocket, as browsers name them; `"*"`: all. Default: none. */
  origins?: readonly string[];
  /** Ends connections that are no WebSocket. */
  signal: AbortSignal;
  /** Answers a request that is no request for a WebSocket; `undefined`: nothing is there. */
  answer: (request: RequestHead, socket: Socket) => Answer | undefined;
}

const REASONS: { readonly [status: number]: string } = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** Where the head ends, behind its empty line; -1: not yet. */
function headEnd(bytes: Uint8Array, begin: number, end: number): number {
  for (let i = bytes.indexOf(0x0d, begin); i >= 0 && i + 3 < end; i = bytes.indexOf(0x0d, i + 1)) {
    if (bytes[i + 1] === 0x0a && bytes[i + 2] === 0x0d && bytes[i + 3] === 0x0a) return i + 4;
  }
  return -1;
}

/** Reads the head of a request (with its empty line); a text says what is wrong with it. */
export function parseHead(text: string): RequestHead | string {
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  const request = /^([A-Z]{1,20}) ([\x21-\x7e]+) HTTP\/1\.([01])$/.exec(first);
  if (request === null) return "the first line is not METHOD PATH HTTP/1.1";
  const [, method = "", target = "", minor] = request;
  if (!target.startsWith("/")) return "the path does not begin with /";
  const headers = new Map<string, string>();
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\uffff]*)$/.exec(line);
    if (match === null) return "a line is no header";
    const [, given = "", value = ""] = match;
    const name = given.toLowerCase();
    const before = headers.get(name);
    if (before !== undefined && name === "host") return "there are two Host headers";
    headers.set(name, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  if (minor === "1" && !headers.has("host")) return "there is no Host header";
  const [path = ""] = target.split(/[?#]/, 1);
  return { method, path, headers };
}

function write(socket: Socket, text: string): void {
  const bytes = encoder.encode(text);
  const chunk = socket.outbox.reserve(bytes.length);
  chunk.bytes.set(bytes, chunk.length);
  chunk.length += bytes.length;
}

function reply(socket: Socket, answer: Answer, withBody = true): void {
  const { status = 200, type = "text/plain; charset=utf-8", body } = answer;
  write(
    socket,
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}\r\ncontent-type: ${type}\r\n` +
      `content-length: ${encoder.encode(body).length}\r\ncache-control: no-store\r\n` +
      (status === 426
        ? "upgrade: websocket\r\nconnection: upgrade, close\r\n"
        : "connection: close\r\n") +
      `\r\n${withBody ? body : ""}`,
  );
  socket.close("answered");
}

/** Serves one connection until it ends. */
export async function serveHttpConnection(conn: Deno.Conn, options: HttpOptions): Promise<void> {
  const socket = new Socket(conn);
  let joined: { closed(reason: string): void } | undefined;
  const late = setTimeout(() => {
    reply(socket, { status: 408, body: "Cannot wait any longer for the request\n" });
  }, options.headSec * 1000);
  const stop = () => socket.close("the hub is shutting down");
  options.signal.addEventListener("abort", stop);

  async function upgrade(headers: ReadonlyMap<string, string>): Promise<void> {
    const accepted = await acceptKey(headers.get("sec-websocket-key") ?? "");
    if (socket.over) return;
    write(
      socket,
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
        `sec-websocket-accept: ${accepted}\r\n\r\n`,
    );
    options.signal.removeEventListener("abort", stop);
    joined = serveWebSocket(socket, options);
  }

  function handle(request: RequestHead | string): void {
    if (typeof request === "string") {
      return reply(socket, { status: 400, body: `Cannot read the request: ${request}\n` });
    }
    const { method, path, headers } = request;
    if (path === "/ws") {
      if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
        return reply(socket, { status: 426, body: "This path is for WebSocket connections.\n" });
      }
      const problem = method === "GET" ? problemWithUpgrade(headers) : "it is not asked for by GET";
      if (problem !== undefined) {
        return reply(socket, { status: 400, body: `Cannot open a WebSocket: ${problem}\n` });
      }
      const foreign = problemWithOrigin(headers, options.origins ?? []);
      if (foreign !== undefined) {
        return reply(socket, { status: 403, body: `Cannot open a WebSocket: ${foreign}\n` });
      }
      void upgrade(headers);
      return;
    }
    const answer = method === "GET" || method === "HEAD"
      ? options.answer(request, socket)
      : undefined;
    reply(
      socket,
      answer ??
        { status: 404, body: "Nothing is here. There are /ws, /health, /clients and /metrics.\n" },
      method !== "HEAD",
    );
  }

  function readHead(bytes: Uint8Array, begin: number, end: number): number {
    // With TLS there is one port for both: no request begins like a message.
    if (options.certificate !== undefined && bytes[begin] === OPEN) {
      clearTimeout(late);
      options.signal.removeEventListener("abort", stop);
      const tcp = joined = speakTcp(socket, options);
      socket.become(tcp.consume, 0);
      return begin;
    }
    if (bytes[begin] === HANDSHAKE) {
      // Who tries out whether there is TLS, as abcd.py does, would wait for an answer to it.
      clearTimeout(late);
      reply(socket, { status: 400, body: "Cannot read the request: this port speaks no TLS\n" });
      return end;
    }
    const behind = headEnd(bytes, begin, end);
    if (behind < 0 && end - begin <= MAX_HEAD) return begin;
    clearTimeout(late);
    if (behind < 0 || behind - begin > MAX_HEAD) {
      reply(socket, { status: 431, body: `Cannot read a request longer than ${MAX_HEAD} bytes\n` });
      return end;
    }
    // Nothing may come before the change to WebSocket is answered; if it does, it has to wait.
    socket.become((_, from) => from, MAX_HEAD);
    handle(parseHead(latin1.decode(bytes.subarray(begin, behind))));
    return behind;
  }

  const reason = await socket.read(readHead, 4 * MAX_HEAD);
  clearTimeout(late);
  options.signal.removeEventListener("abort", stop);
  joined?.closed(reason);
}
