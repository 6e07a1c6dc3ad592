// A hub that is none: it announces itself, takes every connection, and tries what it can to be taken
// for the true one. All that its victims say to it is kept.

import { startBeacon } from "../lib/discovery/udp.ts";

/** What a false hub may try. */
export type Trick =
  /** Says welcome, as a hub does that asks for no key. */
  | "welcome"
  /** Makes a challenge up. */
  | "challenge"
  /** Refuses, so that the client gives up. */
  | "refuse"
  /** Passes everything on to the true hub, in its own name for the address. */
  | "relay"
  /** The same, as the client said it. */
  | "relay-as-it-is";

/** Options of {@linkcode FalseHub.start}. */
export interface FalseHubOptions {
  readonly trick: Trick;
  readonly beaconPort: number;
  /** The name and the number of the true hub. */
  readonly name: string;
  readonly id: string;
  /** Sent to whoever is there, behind every trick. */
  readonly command: object;
  /** `host:port` of the true hub, for relays. */
  readonly trueHub?: string;
}

/** The hub that is none. */
export class FalseHub implements AsyncDisposable {
  /** All that clients have sent: request heads, messages. */
  readonly heard: string[] = [];
  readonly #sockets = new Set<WebSocket>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #beacon: AsyncDisposable;

  private constructor(readonly options: FalseHubOptions) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      this.heard.push(`${request.method} ${request.url} ${JSON.stringify([...request.headers])}`);
      const { socket, response } = Deno.upgradeWebSocket(request);
      const { trick } = options;
      this.#sockets.add(socket);
      if (trick.startsWith("relay")) this.#relay(socket, trick === "relay");
      else this.#play(socket, trick);
      return response;
    });
    const { port } = this.#server.addr;
    this.#beacon = startBeacon({
      beaconPort: options.beaconPort,
      intervalSec: 0.2,
      beacon: { name: options.name, id: options.id, http: port, tcp: port },
      bind: "127.0.0.1",
    });
  }

  static start(options: FalseHubOptions): FalseHub {
    return new FalseHub(options);
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  #say(socket: WebSocket, message: object): void {
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify({ from: "_hub", ...message }));
    }
  }

  /** Whatever a client makes of the trick, it is told to run the command. */
  #command(socket: WebSocket, name: string): void {
    const { name: hub, command } = this.options;
    const welcome = { cmd: "_welcome", name, hub, protocol: 1, heartbeat: 10, timeout: 30 };
    this.#say(socket, welcome);
    this.#say(socket, { from: "boss", to: name, id: "1", ...command });
  }

  #play(socket: WebSocket, trick: Trick): void {
    socket.onmessage = ({ data }) => {
      this.heard.push(String(data));
      const { cmd, name } = JSON.parse(String(data));
      if (cmd !== "_init") return;
      if (trick === "refuse") {
        this.#say(socket, { cmd: "_error", code: "denied", text: "Go away\x1b[2J" });
      } else if (trick === "challenge") {
        const { name: hub } = this.options;
        const [nonce, proof] = ["A".repeat(24), "0".repeat(64)];
        this.#say(socket, { cmd: "_challenge", hub, nonce, proof });
      }
      if (trick !== "refuse") this.#command(socket, name);
    };
  }

  #relay(socket: WebSocket, inOwnName: boolean): void {
    const { trueHub = "" } = this.options;
    const upstream = new WebSocket(`ws://${trueHub}/ws`);
    const waiting: string[] = [];
    upstream.onopen = () => waiting.splice(0).forEach((text) => upstream.send(text));
    upstream.onmessage = ({ data }) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(data);
    };
    upstream.onclose = () => this.#sockets.delete(upstream);
    this.#sockets.add(upstream);
    socket.onmessage = ({ data }) => {
      const text = String(data);
      this.heard.push(text);
      const message = JSON.parse(text);
      if (message.cmd === "_init" && inOwnName) message.address = trueHub;
      const changed = JSON.stringify(message);
      if (upstream.readyState === WebSocket.OPEN) upstream.send(changed);
      else waiting.push(changed);
      // The true hub's challenge goes through meanwhile; then the client is to think that it is in.
      if (message.cmd === "_init") {
        this.#timers.add(setTimeout(() => this.#command(socket, message.name), 300));
      }
    };
    socket.onclose = () => upstream.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#beacon[Symbol.asyncDispose]();
    for (const socket of this.#sockets) socket.close();
    await this.#server.shutdown();
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
