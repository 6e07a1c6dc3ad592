// WebSocket: one message a text frame.

import type { Accept, Connection, Receiver } from "./transport.ts";

/** Close code of an end in order. */
const NORMAL = 1000;

/** A reason that fits a close frame: 123 bytes at most. */
function shortReason(reason: string): string {
  return reason.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 120);
}

/** Answers a request that asks for a WebSocket; the connection goes to `accept` once it is open. */
export function serveWebSocket(request: Request, address: string, accept: Accept): Response {
  // The hub's own heartbeat tells whether the program lives; the socket's would end slow ones.
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  let receiver: Receiver | undefined;
  let over = false;
  let closing: string | undefined;

  function end(reason: string): void {
    if (over) return;
    over = true;
    receiver?.closed(closing ?? reason);
  }

  const connection: Connection = {
    transport: "websocket",
    address,
    get queued() {
      return over ? 0 : socket.bufferedAmount;
    },
    send(text) {
      if (over || closing !== undefined || socket.readyState !== WebSocket.OPEN) return;
      try {
        socket.send(text);
      } catch {
        // it is closing; its close event follows
      }
    },
    close(reason) {
      if (over || closing !== undefined) return;
      closing = reason;
      try {
        socket.close(NORMAL, shortReason(reason));
      } catch {
        end(reason);
      }
    },
    destroy() {
      connection.close("destroyed");
      end("destroyed");
    },
  };

  socket.onopen = () => receiver = accept(connection);
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (closing !== undefined) return;
    if (typeof data === "string") receiver?.received(data);
    else receiver?.garbled("bad-json", "Cannot read a binary frame: send text frames", false);
  };
  socket.onclose = ({ code, reason }) =>
    end(
      reason !== ""
        ? `the client closed the connection: ${reason}`
        : code === NORMAL || code === 1005
        ? "the client closed the connection"
        : `the connection broke (${code})`,
    );
  socket.onerror = (event) =>
    end(`the connection broke: ${event instanceof ErrorEvent ? event.message : "unknown error"}`);
  return response;
}
