// The client: joins a hub, sends, asks, listens, and joins again by itself when the hub comes back.

import {
  BEACON_PORT,
  BEACON_SEC,
  CLIENT_BUFFER_BYTES,
  HTTP_PORT,
  JOIN_SEC,
  REJOIN_MAX_SEC,
  REJOIN_SEC,
  REQUEST_SEC,
  TIMEOUT_SEC,
} from "./defaults.ts";
import { listenForHubs } from "./discovery/udp.ts";
import {
  asFromHub,
  type ClientEntry,
  type ClientInfo,
  encodeMessage,
  EVERYONE,
  type FromHub,
  HUB_NAME,
  isClientName,
  type Json,
  type Message,
  MessageError,
  type MessageFilter,
  parseMessage,
  passesFilter,
  type SystemMessages,
} from "./message.ts";
import { type Log, NO_LOG } from "./log.ts";
import { problemWithSubscription, topicMatches } from "./topic.ts";
import { VERSION } from "./version.ts";

/** What a program sends: a message without what the hub sets. */
export type Outgoing = Message & { readonly from?: undefined };

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** The client's name. Default: `ABCD_NAME`, else the program's file name. */
  name?: string;
  /** Take `name-2`, `name-3` … if the name is taken. Default: false. */
  unique?: boolean;
  /** The hub's address, `host` or `host:port`. Default: `ABCD_SERVER`, else found by UDP. */
  server?: string;
  /** The name of the hub to take if several are heard. Default: the first heard. */
  hub?: string;
  /** UDP port to listen on for hubs. Default: `ABCD_BEACON_PORT`, else 7886. */
  beaconPort?: number;
  /** What to say of this program, beside host and pid, which are known. */
  info?: ClientInfo;
  /** What to hold while the hub is away, in bytes. Default 4 MiB. */
  bufferBytes?: number;
  /** How long joining may take, in seconds. Default: for ever. */
  timeoutSec?: number;
  /** Gives up joining, and closes the client later. */
  signal?: AbortSignal;
  /** Where the client says what it does. Default: nowhere; listen to its events instead. */
  log?: Log;
}

/** What happened to the client's connection; each is also a line in its log. */
export interface ClientEvents {
  /** Nothing is known of the hub; the client listens for it. */
  searching: { reason: string };
  /** In the hub, under this name; again after each time it was lost. */
  joined: { name: string; hub: string; address: string; again: boolean };
  /** The connection is lost; the client tries to come back by itself. */
  lost: { reason: string };
  /** The hub refused a message, or the joining; `re` is the message's `id`. */
  refused: { code: string; text: string; re?: string };
  /** A handler threw, or something that came is no message. */
  error: { error: Error };
  /** Over. */
  closed: { reason: string };
}

/** A handler of messages. What it throws is reported as `error`, and stops nothing. */
export type Handler<M extends Message = Message> = (message: M) => void | Promise<void>;

/** Takes a handler away again. */
export type Off = () => void;

/** A client of a hub. */
export interface Client extends AsyncDisposable {
  /** The name it has, or asks for. */
  readonly name: string;
  /** Whether it is in the hub now. */
  readonly joined: boolean;
  /** The hub it is in, or was in last. */
  readonly hub: { readonly name: string; readonly address: string } | undefined;
  /**
   * Sends a message. While the hub is away it waits, in order.
   *
   * @throws {MessageError} If it is not a message.
   * @throws {BufferFullError} If what waits would be more than `bufferBytes`; nothing is dropped.
   */
  send(message: Outgoing): void;
  /**
   * Sends a message and resolves to the one that answers it.
   *
   * @throws {RefusedError} If the hub answers with `_error`.
   * @throws {DOMException} `TimeoutError`, or the reason of `signal`.
   */
  request(
    message: Outgoing,
    options?: { timeoutSec?: number; signal?: AbortSignal },
  ): Promise<Message>;
  /** Calls the handler for each message with this command that is for this client. `"*"`: for each. */
  on<C extends keyof SystemMessages>(cmd: C, handler: Handler<SystemMessages[C]>): Off;
  on(cmd: string, handler: Handler): Off;
  /** Calls the handler for each message on a topic; `+` and `#` as in MQTT. Survives a rejoin. */
  subscribe(topic: string, handler: Handler): Off;
  /** Calls the handler for every message the hub routes that passes the filter. */
  spy(only: MessageFilter | undefined, handler: Handler): Off;
  /** Who is in the hub. */
  clients(options?: { timeoutSec?: number; signal?: AbortSignal }): Promise<readonly ClientEntry[]>;
  /** Resolves when the hub has routed all that was sent before. */
  flush(options?: { timeoutSec?: number; signal?: AbortSignal }): Promise<void>;
  /** Calls the handler when something happens to the connection. */
  addEventListener<E extends keyof ClientEvents>(
    type: E,
    listener: (event: ClientEvents[E]) => void,
  ): Off;
  /** Leaves the hub: after what was sent, if it is there. Idempotent. */
  close(): Promise<void>;
}

/** The hub answered with `_error`. */
export class RefusedError extends Error {
  override name = "RefusedError";

  constructor(
    /** One of the protocol's codes, or one that a newer hub has. */
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

/** What waits to be sent would be more than the client may hold. */
export class BufferFullError extends Error {
  override name = "BufferFullError";
}

/** How long closing waits for the hub to take what was sent. */
const CLOSE_SEC = 5;
/** How long leaving waits for the hub's goodbye, in milliseconds. */
const GOODBYE_MS = 1000;
/** A joining that lasted this long is a success: the delays start small again. */
const STEADY_SEC = 5;

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Pending {
  readonly resolve: (answer: Message) => void;
  readonly reject: (reason: unknown) => void;
  /** Whether it went out, so that its answer is lost with the connection. */
  sent: boolean;
}

interface Waiting {
  readonly text: string;
  readonly id: string | undefined;
}

function parseAddress(text: string): Address {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:\/\[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? HTTP_PORT);
  if (match === null || port < 1 || port > 65535) {
    throw new TypeError(`Cannot read the hub's address "${text}": it is not host or host:port`);
  }
  return { host: match[1] ?? "", port };
}

function environment(name: string): string | undefined {
  const value = Deno.env.get(name);
  return value === "" ? undefined : value;
}

function defaultName(): string {
  const file = Deno.mainModule.slice(Deno.mainModule.lastIndexOf("/") + 1);
  const name = file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-").replace(/^_+/, "");
  return isClientName(name) ? name : "client";
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Waits for a promise, but no longer than so many milliseconds. */
async function inTime(promise: Promise<void>, ms: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([promise, sleep(ms, enough.signal)]);
  enough.abort();
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

class HubClient implements Client {
  readonly #options: ConnectOptions;
  readonly #log: Log;
  readonly #bufferBytes: number;
  readonly #server: Address | undefined;
  readonly #beaconPort: number;
  readonly #wantedName: string;
  #name: string;
  #unique: boolean;
  #hub: { name: string; address: string } | undefined;
  #joined = false;
  #joinedBefore = false;
  #socket: WebSocket | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #pending = new Map<string, Pending>();
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #topics = new Map<string, Set<Handler>>();
  readonly #spies = new Set<{ only: MessageFilter | undefined; handler: Handler }>();
  readonly #listeners = new Map<string, Set<(event: unknown) => void>>();
  readonly #over = new AbortController();
  #closing: Promise<void> | undefined;
  readonly #running: Promise<void>;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#log = options.log ?? NO_LOG;
    this.#bufferBytes = options.bufferBytes ?? CLIENT_BUFFER_BYTES;
    this.#beaconPort = options.beaconPort ??
      Number(environment("ABCD_BEACON_PORT") ?? BEACON_PORT);
    const server = options.server ?? environment("ABCD_SERVER");
    this.#server = server === undefined ? undefined : parseAddress(server);
    this.#name = this.#wantedName = options.name ?? environment("ABCD_NAME") ?? defaultName();
    this.#unique = options.unique ?? false;
    if (!isClientName(this.#name)) {
      throw new MessageError(
        "name-invalid",
        `Cannot join as "${this.#name}": a name is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with _`,
        "name",
      );
    }
    const { signal } = options;
    const aborted = () => void this.close();
    signal?.addEventListener("abort", aborted, { once: true });
    // Starts in the next turn, so that listeners can be there before anything happens.
    this.#running = Promise.resolve().then(() => this.#run()).finally(() =>
      signal?.removeEventListener("abort", aborted)
    );
    if (signal?.aborted) aborted();
  }

  get name(): string {
    return this.#name;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get hub(): { readonly name: string; readonly address: string } | undefined {
    return this.#hub;
  }

  #emit<E extends keyof ClientEvents>(type: E, event: ClientEvents[E]): void {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        listener(event);
      } catch (error) {
        this.#log.error(`A listener of "${type}" failed: ${asError(error).message}`);
      }
    }
  }

  #error(thrown: unknown, what: string): void {
    const error = asError(thrown);
    this.#log.error(`${what}: ${error.message}`);
    this.#emit("error", { error });
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    let delay = REJOIN_SEC;
    let said = "";
    while (!signal.aborted) {
      const start = performance.now();
      let reason: string;
      try {
        const address = this.#server ?? await this.#search();
        if (signal.aborted) break;
        reason = await this.#stay(address);
      } catch (error) {
        reason = asError(error).message;
      }
      if (signal.aborted) break;
      if (performance.now() - start > STEADY_SEC * 1000 && this.#joined) delay = REJOIN_SEC;
      if (this.#joined) {
        this.#leave(reason);
      } else if (reason !== said) {
        said = reason;
        this.#log.info(`Cannot join the hub yet: ${reason}`);
        this.#emit("searching", { reason });
      }
      await sleep(delay * 1000 * (0.5 + Math.random() / 2), signal);
      delay = Math.min(REJOIN_MAX_SEC, delay * 2);
    }
  }

  /** The connection is gone: what was on its way has no answer. */
  #leave(reason: string): void {
    this.#joined = false;
    this.#log.warn(`Lost the hub: ${reason}`);
    for (const [id, pending] of this.#pending) {
      if (!pending.sent) continue;
      this.#pending.delete(id);
      pending.reject(new Error(`Cannot get the answer: the hub was lost: ${reason}`));
    }
    this.#emit("lost", { reason });
  }

  async #search(): Promise<Address> {
    const { hub: wanted } = this.#options;
    const port = this.#beaconPort;
    const reason = `listening for ${
      wanted === undefined ? "a hub" : `the hub "${wanted}"`
    } on UDP port ${port}`;
    this.#log.debug(reason);
    this.#emit("searching", { reason });
    const found = Promise.withResolvers<Address>();
    const enough = new AbortController();
    const signal = AbortSignal.any([this.#over.signal, enough.signal]);
    // Goes on for a while after the first, to hear whether there is another.
    (async () => {
      const heard = new Map<string, string>();
      let timer: ReturnType<typeof setTimeout> | undefined;
      try {
        for await (const hub of listenForHubs({ beaconPort: port, signal })) {
          if (heard.has(hub.id)) continue;
          heard.set(hub.id, `"${hub.name}" at ${hub.host}:${hub.http}`);
          const take = wanted === undefined || wanted === hub.name;
          if (take) {
            found.resolve({ host: hub.host, port: hub.http });
            timer ??= setTimeout(() => enough.abort(), BEACON_SEC * 1250);
            Deno.unrefTimer(timer);
          }
          if (heard.size > 1 && wanted === undefined) {
            this.#log.warn(
              `Several hubs are heard: ${[...heard.values()].join(", ")}; takes the first. ` +
                "Name one with --hub",
            );
          } else if (!take) {
            this.#log.info(`Heard the hub ${[...heard.values()].at(-1)}; waits for "${wanted}"`);
          }
        }
        found.reject(new Error("closed"));
      } catch (error) {
        found.reject(error);
      } finally {
        clearTimeout(timer);
      }
    })();
    return await found.promise;
  }

  /** Joins, and resolves to the reason once it is over. */
  async #stay(address: Address): Promise<string> {
    const { host, port } = address;
    const where = `${host}:${port}`;
    const socket = new WebSocket(`ws://${where}/ws`);
    const end = Promise.withResolvers<string>();
    let heard = performance.now();
    let timeoutMs = JOIN_SEC * 1000;
    let welcomed = false;
    let lastError: string | undefined;
    const watch = setInterval(() => {
      const silent = performance.now() - heard;
      if (silent < timeoutMs) return;
      const seconds = Math.round(timeoutMs / 1000);
      end.resolve(
        welcomed ? `silent for ${seconds} s` : `${where} did not answer within ${seconds} s`,
      );
    }, 500);
    const aborted = () => end.resolve("closed");
    this.#over.signal.addEventListener("abort", aborted);

    socket.onopen = () => {
      const { info } = this.#options;
      socket.send(encodeMessage({
        cmd: "_init",
        name: this.#name,
        ...(this.#unique ? { unique: true } : {}),
        info: {
          program: defaultName(),
          version: VERSION,
          host: Deno.hostname(),
          pid: Deno.pid,
          ...info,
        },
      }));
    };
    socket.onerror = (event) => {
      if (event instanceof ErrorEvent && event.message !== "") lastError ??= event.message;
    };
    socket.onclose = ({ code, reason }) =>
      end.resolve(
        reason !== ""
          ? reason
          : lastError !== undefined
          ? `${where}: ${lastError}`
          : `${where} closed the connection (${code})`,
      );
    socket.onmessage = ({ data }) => {
      heard = performance.now();
      if (typeof data !== "string") return;
      let message: Message;
      try {
        message = parseMessage(data, { maxBytes: Infinity, maxNesting: Infinity });
      } catch (error) {
        return this.#error(error, "Got something that is no message");
      }
      if (welcomed) {
        const why = this.#take(message, socket);
        if (why !== undefined) lastError = why;
        return;
      }
      let answer: FromHub | undefined;
      try {
        answer = asFromHub(message);
      } catch (error) {
        return this.#error(error, "Got a message of the hub that is not as it should be");
      }
      if (answer?.cmd === "_error") {
        const { code, text } = answer;
        if (code === "name-taken" && this.#unique === false && this.#options.unique) {
          // The name it had is somebody else's now: back to asking for a new one.
          this.#unique = true;
          this.#name = this.#wantedName;
        }
        this.#log.warn(`The hub refused: ${text}`, { code });
        this.#emit("refused", { code, text });
        end.resolve(text);
      } else if (answer?.cmd === "_welcome") {
        welcomed = true;
        timeoutMs = (answer.timeout > 0 ? answer.timeout : TIMEOUT_SEC) * 1000;
        this.#welcome(socket, answer.name, { name: answer.hub, address: where });
      } else if (answer?.cmd === "_ping") {
        socket.send('{"cmd":"_pong"}');
      }
    };
    const reason = await end.promise;
    clearInterval(watch);
    this.#over.signal.removeEventListener("abort", aborted);
    socket.onopen =
      socket.onerror =
      socket.onclose =
      socket.onmessage =
        null;
    if (socket.readyState !== WebSocket.CLOSED) {
      const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
      try {
        socket.close();
      } catch {
        // it is closing
      }
      // A client that leaves says goodbye. A connection that is dead may never finish closing, and
      // nobody waits for it.
      if (this.#over.signal.aborted) await inTime(closed, GOODBYE_MS);
    }
    this.#socket = undefined;
    return reason;
  }

  #welcome(socket: WebSocket, name: string, hub: { name: string; address: string }): void {
    this.#socket = socket;
    this.#name = name;
    this.#unique = false;
    this.#hub = hub;
    this.#joined = true;
    const again = this.#joinedBefore;
    this.#joinedBefore = true;
    if (this.#topics.size > 0) {
      socket.send(encodeMessage({ cmd: "_subscribe", topics: [...this.#topics.keys()] }));
    }
    if (this.#spies.size > 0) socket.send(encodeMessage(this.#spyMessage()));
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { text, id } of waiting) this.#write(socket, text, id);
    this.#log.info(`Joined the hub "${hub.name}" as ${name}`, { address: hub.address });
    this.#emit("joined", { name, hub: hub.name, address: hub.address, again });
  }

  #write(socket: WebSocket, text: string, id: string | undefined): void {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending !== undefined) pending.sent = true;
    socket.send(text);
  }

  /** Handles what came; returns why the hub is going to close, if it said so. */
  #take(message: Message, socket: WebSocket): string | undefined {
    const { cmd, from, to, topic, re } = message;
    const ofHub = from === undefined || from === HUB_NAME;
    const forMe = to === this.#name || (to === EVERYONE && from !== this.#name) ||
      (to === undefined && topic === undefined && ofHub);
    const pending = re === undefined || !forMe ? undefined : this.#pending.get(re);
    if (re !== undefined && pending !== undefined) {
      this.#pending.delete(re);
      if (cmd === "_error") {
        pending.reject(new RefusedError(String(message.code), String(message.text)));
      } else {
        pending.resolve(message);
      }
    }
    let why: string | undefined;
    if (forMe && ofHub) {
      if (cmd === "_ping") {
        socket.send(encodeMessage({ cmd: "_pong", re: message.id }));
      } else if (cmd === "_error" && pending === undefined) {
        const code = String(message.code);
        const text = String(message.text);
        if (code === "slow-consumer" || code === "shutting-down") why = text;
        this.#log.warn(`The hub refused: ${text}`, { code, re });
        this.#emit("refused", { code, text, re });
      }
    }
    if (forMe) {
      for (const handler of this.#handlers.get(cmd) ?? []) this.#call(handler, message);
      for (const handler of this.#handlers.get("*") ?? []) this.#call(handler, message);
    }
    if (topic !== undefined) {
      for (const [subscription, handlers] of this.#topics) {
        if (!topicMatches(subscription, topic)) continue;
        for (const handler of handlers) this.#call(handler, message);
      }
    }
    // What the hub says to this client in the course of the protocol is not news to its spy.
    if (!(forMe && ofHub && cmd.startsWith("_"))) {
      for (const { only, handler } of this.#spies) {
        if (only === undefined || passesFilter(message, only)) this.#call(handler, message);
      }
    }
    return why;
  }

  #call(handler: Handler, message: Message): void {
    try {
      const result = handler(message);
      if (result instanceof Promise) {
        result.catch((error) => this.#error(error, `A handler of "${message.cmd}" failed`));
      }
    } catch (error) {
      this.#error(error, `A handler of "${message.cmd}" failed`);
    }
  }

  send(message: Outgoing): void {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    this.#send(message);
  }

  #send(message: Outgoing): void {
    const text = encodeMessage({ ...message, time: message.time ?? Date.now() / 1000 });
    const socket = this.#joined ? this.#socket : undefined;
    const open = socket?.readyState === WebSocket.OPEN;
    const held = open ? socket.bufferedAmount : this.#waitingBytes;
    if (held + text.length > this.#bufferBytes) {
      throw new BufferFullError(
        `Cannot send: ${held} bytes wait for the hub already, and at most ${this.#bufferBytes} may`,
      );
    }
    if (open) return this.#write(socket, text, message.id);
    this.#waiting.push({ text, id: message.id });
    this.#waitingBytes += text.length;
  }

  async request(
    message: Outgoing,
    options: { timeoutSec?: number; signal?: AbortSignal } = {},
  ): Promise<Message> {
    if (this.#closing !== undefined) throw new Error("Cannot ask: the client is closed");
    return await this.#request(message, options);
  }

  async #request(
    message: Outgoing,
    options: { timeoutSec?: number; signal?: AbortSignal },
  ): Promise<Message> {
    const { timeoutSec = REQUEST_SEC, signal } = options;
    signal?.throwIfAborted();
    const id = message.id ?? crypto.randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    this.#pending.set(id, { resolve, reject, sent: false });
    const aborted = () => reject(signal?.reason);
    signal?.addEventListener("abort", aborted, { once: true });
    const timer = setTimeout(() => {
      const whom = message.to ?? message.topic ?? "the hub";
      reject(
        new DOMException(
          `Cannot get an answer to "${message.cmd}" from ${whom}: none in ${timeoutSec} s`,
          "TimeoutError",
        ),
      );
    }, Math.min(timeoutSec * 1000, 2 ** 31 - 1));
    try {
      this.#send({ ...message, id });
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      this.#pending.delete(id);
    }
  }

  on<C extends keyof SystemMessages>(cmd: C, handler: Handler<SystemMessages[C]>): Off;
  on(cmd: string, handler: Handler): Off;
  on(cmd: string, handler: (message: never) => void | Promise<void>): Off {
    const one = handler as Handler;
    return addTo(this.#handlers, cmd, one);
  }

  subscribe(topic: string, handler: Handler): Off {
    const problem = problemWithSubscription(topic);
    if (problem !== undefined) throw new TypeError(`Cannot subscribe to "${topic}": ${problem}`);
    const isNew = !this.#topics.has(topic);
    const off = addTo(this.#topics, topic, handler);
    if (isNew) this.#tell({ cmd: "_subscribe", topics: [topic] });
    return () => {
      if (!this.#topics.has(topic)) return;
      off();
      if (!this.#topics.has(topic)) this.#tell({ cmd: "_unsubscribe", topics: [topic] });
    };
  }

  spy(only: MessageFilter | undefined, handler: Handler): Off {
    const entry = { only, handler };
    this.#spies.add(entry);
    this.#tell(this.#spyMessage());
    return () => {
      if (this.#spies.delete(entry)) this.#tell(this.#spyMessage());
    };
  }

  /** One filter the hub applies itself; of several it sends all, and they are applied here. */
  #spyMessage(): Outgoing {
    const [first, ...others] = this.#spies;
    if (first === undefined) return { cmd: "_spy", on: false };
    if (others.length > 0 || first.only === undefined) return { cmd: "_spy", on: true };
    return { cmd: "_spy", on: true, only: first.only as Json };
  }

  /** To the hub if it is there; if not, joining says it all again. */
  #tell(message: Outgoing): void {
    if (this.#joined && this.#socket?.readyState === WebSocket.OPEN) this.#send(message);
  }

  async clients(
    options: { timeoutSec?: number; signal?: AbortSignal } = {},
  ): Promise<readonly ClientEntry[]> {
    const answer = asFromHub(await this.request({ cmd: "_clients" }, options));
    return answer?.cmd === "_clients" ? answer.clients : [];
  }

  async flush(options: { timeoutSec?: number; signal?: AbortSignal } = {}): Promise<void> {
    await this.request({ cmd: "_ping" }, options);
  }

  addEventListener<E extends keyof ClientEvents>(
    type: E,
    listener: (event: ClientEvents[E]) => void,
  ): Off {
    return addTo(this.#listeners, type, listener as (event: unknown) => void);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    if (this.#joined) {
      await this.#request({ cmd: "_ping" }, { timeoutSec: CLOSE_SEC }).catch(() => {});
    }
    this.#over.abort();
    await this.#running;
    this.#joined = false;
    const unsent = this.#waiting.length;
    const { signal } = this.#options;
    const why = signal?.aborted ? asError(signal.reason).message : "closed by the program";
    const reason = unsent === 0 ? why : `${why}; ${unsent} messages were never sent`;
    for (const pending of this.#pending.values()) {
      pending.reject(new Error("Cannot get the answer: the client was closed"));
    }
    this.#pending.clear();
    if (unsent > 0) this.#log.warn(`Left: ${reason}`);
    else this.#log.debug(`Left: ${reason}`);
    this.#emit("closed", { reason });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function addTo<T>(table: Map<string, Set<T>>, key: string, value: T): Off {
  const set = table.get(key) ?? new Set();
  table.set(key, set.add(value));
  return () => {
    set.delete(value);
    if (set.size === 0 && table.get(key) === set) table.delete(key);
  };
}

/**
 * A client that starts to join at once and keeps trying, whatever the hub says to it: what happens
 * is in its events. What is sent before it has joined waits.
 *
 * @throws {MessageError} If the name cannot be one.
 * @throws {TypeError} If the server's address cannot be read.
 */
export function createClient(options: ConnectOptions = {}): Client {
  return new HubClient(options);
}

/**
 * A client that has joined.
 *
 * @throws {RefusedError} If the hub refuses it.
 * @throws {DOMException} `TimeoutError` after `timeoutSec`; the reason of `signal`.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { timeoutSec, signal } = options;
  signal?.throwIfAborted();
  const client = createClient(options);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = options.server ?? environment("ABCD_SERVER");
  let last = "no answer";
  const offs = [
    client.addEventListener("joined", () => resolve()),
    client.addEventListener("refused", ({ code, text }) => reject(new RefusedError(code, text))),
    client.addEventListener("searching", ({ reason }) => last = reason),
    client.addEventListener("closed", ({ reason }) => reject(signal?.reason ?? new Error(reason))),
  ];
  const timer = timeoutSec === undefined ? undefined : setTimeout(() => {
    const which = options.hub === undefined ? "a hub: none" : `the hub "${options.hub}": it never`;
    reject(
      new DOMException(
        server === undefined && last.startsWith("listening")
          ? `Cannot find ${which} announced itself on UDP port ${
            options.beaconPort ?? BEACON_PORT
          } in ${timeoutSec} s; start one with "abcd server" or name it with --server`
          : `Cannot join the hub${
            server === undefined ? "" : ` at ${server}`
          } in ${timeoutSec} s: ${last}`,
        "TimeoutError",
      ),
    );
  }, Math.min(timeoutSec * 1000, 2 ** 31 - 1));
  try {
    await promise;
    return client;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    clearTimeout(timer);
    for (const off of offs) off();
  }
}
