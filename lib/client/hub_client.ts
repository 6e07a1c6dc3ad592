// The client itself: what waits to be sent, who waits for an answer, who listens to what; and the
// loop that finds the hub, joins, and joins again.

import {
  BEACON_PORT,
  BEACON_SEC,
  CLIENT_BUFFER_BYTES,
  REJOIN_MAX_SEC,
  REJOIN_SEC,
  REQUEST_SEC,
} from "../defaults.ts";
import { computerName, environment } from "../environment.ts";
import { findKey } from "../keys/key_file.ts";
import { type Log, NO_LOG } from "../log_contract.ts";
import {
  asFromHub,
  asToHub,
  type ClientEntry,
  encodeMessage,
  EVERYONE,
  HUB_NAME,
  type InitMessage,
  isClientName,
  type Message,
  MessageError,
  type MessageFilter,
  type WelcomeMessage,
} from "../message.ts";
import { problemWithSubscription } from "../topic.ts";
import { VERSION } from "../version.ts";
import {
  type Answerer,
  answering,
  checked,
  type Fields,
  type KnownMessages,
  reply,
} from "./answer.ts";
import { holdConnection } from "./connection.ts";
import {
  BufferFullError,
  type Client,
  type ClientEvents,
  type ConnectOptions,
  type Handler,
  type JoinedHub,
  type Off,
  type Outgoing,
} from "./contract.ts";
import { createDeliveries, type Receipt } from "./deliveries.ts";
import { findHub, type HubAddress, parseAddress } from "./find_hub.ts";
import { createInbox } from "./inbox.ts";
import { addTo, createListeners } from "./listeners.ts";
import { createRequests } from "./requests.ts";
import { inTime, sleep, whileWaiting } from "./waiting.ts";
import { type HubSocket, speaksTls } from "./hub_socket.ts";
import { introduce, NO_KEY_TO_CHECK, UNPROVEN } from "./introduction.ts";

/** How long closing waits for the hub to take what was sent. */
const CLOSE_SEC = 5;
/** A hub that has not shown that it has the key is not tried again for this long. */
const AVOID_MS = 10_000;
/** So long another one may take to be heard: more than from one announcement to the next. */
const PATIENCE_MS = BEACON_SEC * 1250;
/** A joining that lasted this long is a success: the delays start small again. */
const STEADY_SEC = 1;

interface Waiting {
  readonly text: string;
  readonly id: string | undefined;
}

function defaultName(): string {
  const file = Deno.mainModule.slice(Deno.mainModule.lastIndexOf("/") + 1);
  const name = file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-").replace(/^_+/, "");
  return isClientName(name) ? name : "client";
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** A durable program that is away is not to do tomorrow what it was asked for now. */
function withExpiry(message: Outgoing, timeoutSec: number): Outgoing {
  const { to, expires } = message;
  const isForOne = to !== undefined && to !== HUB_NAME && to !== EVERYONE;
  if (!isForOne || expires !== undefined || !(timeoutSec > 0 && timeoutSec < Infinity)) {
    return message;
  }
  return { ...message, expires: timeoutSec };
}

/** A client that keeps itself in a hub. */
export class HubClient implements Client {
  readonly #options: ConnectOptions;
  readonly #log: Log;
  readonly #bufferBytes: number;
  #server: HubAddress | undefined;
  readonly #beaconPort: number;
  readonly #wantedName: string;
  #name: string;
  #unique: boolean;
  #hub: JoinedHub | undefined;
  /** Hubs that did not show that they have the key: not to be tried again before this time, in ms. */
  readonly #avoided = new Map<string, number>();
  /** Hubs with another key that are to be joined all the same: without showing ours. */
  readonly #keyless = new Set<string>();
  /** What the last of them said. */
  #refusal: { readonly code: string; readonly text: string } | undefined;
  #joined = false;
  /** Whether the hub has answered the last attempt to join. */
  #answered = false;
  #joinedBefore = false;
  /** Messages for the handlers, held back for a moment after the first joining. */
  #held: (() => void)[] | undefined;
  #socket: HubSocket | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #status: Outgoing | undefined;
  readonly #requests = createRequests();
  readonly #deliveries = createDeliveries();
  readonly #inbox = createInbox((n) => this.#open?.send(`{"cmd":"_got","_mail":${n}}`));
  readonly #listeners = createListeners((error, { cmd }) =>
    this.#error(error, `A handler of "${cmd}" failed`)
  );
  readonly #events = new Map<string, Set<(event: unknown) => void>>();
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
    if (options.durable && options.unique) {
      throw new TypeError("Cannot join as durable and unique: mail is for one name");
    }
    if (!isClientName(this.#name)) {
      throw new MessageError(
        "name-invalid",
        `Cannot join as "${this.#name}": a name is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with _`,
        "name",
      );
    }
    // A key that cannot be used is said now; whether there is one is seen anew at each attempt.
    findKey(options);
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

  get hub(): JoinedHub | undefined {
    return this.#hub;
  }

  #emit<E extends keyof ClientEvents>(type: E, event: ClientEvents[E]): void {
    for (const listener of this.#events.get(type) ?? []) {
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
      } else if (await this.#learnTls()) {
        continue;
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
    this.#held = undefined;
    this.#log.warn(`Lost the hub: ${reason}`);
    this.#requests.lost(new Error(`Cannot get the answer: the hub was lost: ${reason}`));
    this.#emit("lost", { reason });
  }

  async #search(): Promise<HubAddress> {
    const { hub, several } = this.#options;
    const beaconPort = this.#beaconPort;
    const which = hub === undefined ? "a hub" : `the hub "${hub}"`;
    const reason = `listening for ${which} on UDP port ${beaconPort}`;
    this.#log.debug(reason);
    this.#emit("searching", { reason });
    const now = Date.now();
    for (const [where, until] of this.#avoided) if (until <= now) this.#avoided.delete(where);
    // There may be another hub, the true one: only if there is none, nobody else is to be hoped for.
    const refusal = this.#refusal;
    const timer = refusal === undefined || this.#avoided.size === 0
      ? undefined
      : setTimeout(() => this.#emit("refused", refusal), PATIENCE_MS);
    try {
      return await findHub({
        beaconPort,
        hub,
        several,
        log: this.#log,
        signal: this.#over.signal,
        avoid: ({ host, port }) => (this.#avoided.get(`${host}:${port}`) ?? 0) > Date.now(),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Joins, and resolves to the reason once it is over. */
  async #stay(address: HubAddress): Promise<string> {
    const where = `${address.host}:${address.port}`;
    this.#answered = false;
    const found = this.#keyless.has(where) ? undefined : findKey(this.#options);
    if (found === undefined && this.#options.open === false) throw new Error(NO_KEY_TO_CHECK);
    const reason = await holdConnection(address, {
      init: ({ address, certificate }) => {
        const introduction = introduce({
          found,
          open: this.#options.open,
          name: this.#name,
          address,
          certificate,
          hub: this.#options.hub,
        });
        return { message: { ...this.#init(), ...introduction.fields }, introduction };
      },
      welcomed: (welcome, socket, proven) =>
        this.#welcome(socket, welcome, { name: welcome.hub, address: where, proven }),
      refused: (code, text, proven) => {
        this.#answered = true;
        if (code === UNPROVEN && this.#options.open === true && found !== undefined) {
          this.#log.warn(`Joins ${where} without a key: ${text}`);
          return void this.#keyless.add(where);
        }
        this.#keyless.delete(where);
        const isHeard = this.#server === undefined;
        // Anybody can announce himself, and refuse: that keeps nobody from the true hub.
        if (isHeard && !proven && found !== undefined && code !== "shutting-down") {
          this.#avoided.set(where, Date.now() + AVOID_MS);
          this.#refusal = { code, text };
          this.#log.warn(`Did not join ${where}: ${text}`, { code });
        } else this.#refused(code, text);
      },
      message: (message, socket) => this.#take(message, socket),
      error: (error, what) => this.#error(error, what),
    }, this.#over.signal);
    this.#socket = undefined;
    return reason;
  }

  /**
   * An address that was given does not say whether TLS is spoken there. If nothing was to be made of
   * it, that is found out; returns whether it is otherwise than thought.
   */
  async #learnTls(): Promise<boolean> {
    const server = this.#server;
    if (server === undefined || this.#answered) return false;
    const tls = await speaksTls(server);
    if (tls === (server.tls ?? false)) return false;
    this.#server = { ...server, tls };
    return true;
  }

  #init(): InitMessage {
    return {
      cmd: "_init",
      name: this.#name,
      ...(this.#unique ? { unique: true } : {}),
      ...(this.#options.durable ? { durable: true } : {}),
      info: {
        program: defaultName(),
        version: VERSION,
        host: computerName(),
        pid: Deno.pid,
        ...this.#options.info,
      },
    };
  }

  #refused(code: string, text: string): void {
    if (code === "name-taken" && !this.#unique && this.#options.unique) {
      // The name it had is somebody else's now: back to asking for a new one.
      this.#unique = true;
      this.#name = this.#wantedName;
    }
    this.#log.warn(`The hub refused: ${text}`, { code });
    this.#emit("refused", { code, text });
  }

  #welcome(socket: HubSocket, { name, mailbox }: WelcomeMessage, hub: JoinedHub): void {
    this.#socket = socket;
    this.#name = name;
    this.#unique = false;
    this.#hub = hub;
    this.#joined = true;
    const again = this.#joinedBefore;
    if (!again) this.#holdBack();
    this.#joinedBefore = true;
    const { topics, spying } = this.#listeners;
    if (topics.length > 0) socket.send(encodeMessage({ cmd: "_subscribe", topics }));
    if (spying) socket.send(encodeMessage(this.#listeners.spyMessage()));
    if (this.#status !== undefined) socket.send(encodeMessage(this.#status));
    if (this.#options.durable) {
      if (mailbox?.kept !== true) {
        this.#log.warn("What waits for this client is lost if the hub ends: it keeps no ledger");
      }
      this.#inbox.joined(mailbox?.id);
    }
    // What may be lost goes first: it was sent before what waits.
    for (const text of this.#deliveries.again()) socket.send(text);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { text, id } of waiting) this.#write(socket, text, id);
    this.#log.info(`Joined the hub "${hub.name}" as ${name}`, { address: hub.address });
    this.#emit("joined", { name, hub: hub.name, address: hub.address, again });
  }

  #write(socket: HubSocket, text: string, id: string | undefined): void {
    if (id !== undefined) {
      this.#requests.wrote(id);
      this.#deliveries.wrote(id);
    }
    socket.send(text);
  }

  /** Handles what came; returns why the hub is going to close, if it said so. */
  #take(message: Message, socket: HubSocket): string | undefined {
    const { cmd, from, to, topic } = message;
    const ofHub = from === undefined || from === HUB_NAME;
    const forMe = to === this.#name || (to === EVERYONE && from !== this.#name) ||
      (to === undefined && topic === undefined && ofHub);
    const answered = forMe &&
      (this.#requests.answered(message) || (ofHub && this.#deliveries.answered(message)));
    let why: string | undefined;
    if (forMe && ofHub) {
      if (cmd === "_ping") socket.send(encodeMessage({ cmd: "_pong", re: message.id }));
      else if (cmd === "_error" && !answered) why = this.#refusedMessage(message);
    }
    if (this.#held === undefined) this.#hand(message, forMe, ofHub);
    else this.#held.push(() => this.#hand(message, forMe, ofHub));
    return why;
  }

  /** To the handlers. */
  #hand(message: Message, forMe: boolean, ofHub: boolean): void {
    const { cmd, to, topic } = message;
    if (forMe || topic !== undefined) {
      const isMail = to === this.#name && !ofHub;
      const done = this.#inbox.take(message, isMail);
      if (done !== undefined) this.#listeners.hand(message, forMe, done);
      else if (isMail) return;
    }
    // What the hub says to this client in the course of the protocol is not news to its spy.
    if (!(forMe && ofHub && cmd.startsWith("_"))) this.#listeners.show(message);
  }

  /** Who awaits `connect()` sets its handlers then; what comes before them would be handed to nobody. */
  #holdBack(): void {
    const held: (() => void)[] = this.#held = [];
    setTimeout(() => {
      if (this.#held !== held) return;
      this.#held = undefined;
      for (const hand of held) hand();
    }, 0);
  }

  /** The hub refused something; returns why it is going to close, if that is so. */
  #refusedMessage({ code: given, text: words, re }: Message): string | undefined {
    const code = String(given), text = String(words);
    this.#log.warn(`The hub refused: ${text}`, { code, re });
    this.#emit("refused", { code, text, re });
    return code === "slow-consumer" || code === "shutting-down" ? text : undefined;
  }

  send(message: Outgoing): void {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    this.#send(message);
  }

  #send(message: Outgoing): void {
    this.#put(this.#encode(message), message.id);
  }

  /** The text of a message for which there is room. */
  #encode(message: Outgoing, more = 0): string {
    const text = encodeMessage({ ...message, time: message.time ?? Date.now() / 1000 });
    this.#checkRoom(text.length + more);
    return text;
  }

  /** The connection, if what is written to it goes out. */
  get #open(): HubSocket | undefined {
    const socket = this.#joined ? this.#socket : undefined;
    return socket?.isOpen === true ? socket : undefined;
  }

  #checkRoom(length: number): void {
    const held = this.#open?.bufferedAmount ?? this.#waitingBytes;
    if (held + length <= this.#bufferBytes) return;
    throw new BufferFullError(
      `Cannot send: ${held} bytes wait for the hub already, and at most ${this.#bufferBytes} may`,
    );
  }

  /** Writes it, or lets it wait for the hub. */
  #put(text: string, id: string | undefined): void {
    const socket = this.#open;
    if (socket !== undefined) return this.#write(socket, text, id);
    this.#waiting.push({ text, id });
    this.#waitingBytes += text.length;
  }

  async deliver(
    message: Outgoing,
    options: { timeoutSec?: number; signal?: AbortSignal } = {},
  ): Promise<Receipt> {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    const { timeoutSec, signal } = options;
    signal?.throwIfAborted();
    if (message.to === undefined && message.topic === undefined) {
      throw new TypeError(`Cannot deliver "${message.cmd}": it has neither "to" nor "topic"`);
    }
    const id = message.id ?? crypto.randomUUID();
    const text = this.#encode({ ...message, id, ack: true }, this.#deliveries.length);
    const receipt = this.#deliveries.add(id, text);
    this.#put(text, id);
    return await whileWaiting(receipt, {
      timeoutSec,
      signal,
      late: `Cannot say whether "${message.cmd}" is safe: the hub has not said so`,
      giveUp: (reason) => this.#deliveries.giveUp(id, reason),
    });
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
    const text = this.#encode({ ...withExpiry(message, timeoutSec), id });
    const answer = this.#requests.add(id);
    this.#put(text, id);
    const whom = message.to ?? message.topic ?? "the hub";
    const late = `Cannot get an answer to "${message.cmd}" from ${whom}: none`;
    return await whileWaiting(answer, {
      timeoutSec,
      signal,
      late,
      giveUp: (reason) => this.#requests.giveUp(id, reason),
    });
  }

  on<C extends keyof KnownMessages>(cmd: C, handler: Handler<KnownMessages[C]>): Off;
  on(cmd: string, handler: Handler): Off;
  on(cmd: string, handler: (message: never) => void | Promise<void>): Off {
    return this.#listeners.on(cmd, checked(cmd, handler as Handler));
  }

  answer<C extends keyof KnownMessages>(cmd: C, handler: Answerer<KnownMessages[C]>): Off;
  answer(cmd: string, handler: Answerer): Off;
  answer(cmd: string, handler: Answerer<never>): Off {
    return this.#listeners.on(cmd, answering(this, handler as Answerer));
  }

  reply(message: Message, fields?: Fields): void {
    reply(this, message, fields);
  }

  subscribe(topic: string, handler: Handler): Off {
    const problem = problemWithSubscription(topic);
    if (problem !== undefined) throw new TypeError(`Cannot subscribe to "${topic}": ${problem}`);
    const off = this.#listeners.subscribe(topic, handler);
    // Also if others listen to it: the new handler is to get the last value.
    this.#tell({ cmd: "_subscribe", topics: [topic] });
    return () => {
      if (!this.#listeners.topics.includes(topic)) return;
      off();
      if (!this.#listeners.topics.includes(topic)) {
        this.#tell({ cmd: "_unsubscribe", topics: [topic] });
      }
    };
  }

  spy(only: MessageFilter | undefined, handler: Handler): Off {
    const off = this.#listeners.spy(only, handler);
    this.#tell(this.#listeners.spyMessage());
    return () => {
      off();
      this.#tell(this.#listeners.spyMessage());
    };
  }

  /** To the hub if it is there; if not, joining says it all again. */
  #tell(message: Outgoing): void {
    if (this.#joined && this.#socket?.isOpen === true) this.#send(message);
  }

  status(state: string, text?: string): void {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    const message: Outgoing = { cmd: "_status", state, ...(text === undefined ? {} : { text }) };
    asToHub(message);
    this.#status = message;
    this.#tell(message);
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
    return addTo(this.#events, type, listener as (event: unknown) => void);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    if (this.#joined) {
      this.#inbox.flush();
      await inTime(this.#deliveries.done(), CLOSE_SEC * 1000);
      await this.#request({ cmd: "_ping" }, { timeoutSec: CLOSE_SEC }).catch(() => {});
    }
    this.#over.abort();
    await this.#running;
    this.#joined = false;
    const unsent = this.#waiting.length;
    const { signal } = this.#options;
    const why = signal?.aborted ? asError(signal.reason).message : "closed by the program";
    const reason = unsent === 0 ? why : `${why}; ${unsent} messages were never sent`;
    this.#requests.giveUpAll(new Error("Cannot get the answer: the client was closed"));
    this.#deliveries.giveUpAll(new Error("Cannot say whether it is safe: the client was closed"));
    this.#inbox.close();
    if (unsent > 0) this.#log.warn(`Left: ${reason}`);
    else this.#log.debug(`Left: ${reason}`);
    this.#emit("closed", { reason });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
