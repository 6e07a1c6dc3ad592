// The client itself: its parts, and what passes between them when it joins, loses the hub, and leaves.

import { CLIENT_BUFFER_BYTES } from "../defaults.ts";
import { type Log, NO_LOG } from "../log_contract.ts";
import {
  asFromHub,
  asToHub,
  type ClientEntry,
  encodeMessage,
  type Message,
  type MessageFilter,
  type WelcomeMessage,
} from "../message.ts";
import { problemWithSubscription } from "../topic.ts";
import { answering, checked, reply } from "./answer.ts";
import type {
  Answerer,
  Client,
  ClientEvents,
  ConnectOptions,
  Fields,
  Handler,
  JoinedHub,
  KnownMessages,
  Off,
  Outgoing,
  Receipt,
} from "./contract.ts";
import { createDeliveries } from "./deliveries.ts";
import { createEvents, type Events } from "./events.ts";
import type { HubSocket } from "./hub_socket.ts";
import { createInbox } from "./inbox.ts";
import { createIncoming, type Incoming } from "./incoming.ts";
import { createListeners } from "./listeners.ts";
import { createMembership, type Membership } from "./membership.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createRequests } from "./requests.ts";
import { createSending, type Sending, type WaitOptions } from "./sending.ts";
import { inTime } from "./waiting.ts";

/** Topics that are subscribed to in one message. */
const MOST_TOPICS = 100;
/** How long closing waits for the hub to take what was sent. */
const CLOSE_SEC = 5;

/** A client that keeps itself in a hub. */
export class HubClient implements Client {
  readonly #signal: AbortSignal | undefined;
  readonly #isDurable: boolean;
  readonly #log: Log;
  readonly #events: Events;
  readonly #outbox: Outbox;
  readonly #sending: Sending;
  readonly #incoming: Incoming;
  readonly #membership: Membership;
  readonly #requests = createRequests();
  readonly #deliveries = createDeliveries();
  readonly #inbox = createInbox((n) => this.#outbox.tell(`{"cmd":"_got","_mail":${n}}`));
  readonly #listeners = createListeners((error, { cmd }) =>
    this.#events.error(error, `A handler of "${cmd}" failed`)
  );
  /** What it said last of how it is. */
  #status: Outgoing | undefined;
  #joinedBefore = false;
  #closing: Promise<void> | undefined;
  readonly #aborted = () => void this.close();
  /** Ten lines of a program that listens to nothing: its mistakes are to be seen all the same. */
  readonly #say = (text: string, error?: Error) =>
    error === undefined
      ? console.error(`${this.name}: ${text}`)
      : console.error(`${this.name}: ${text}:`, error);

  constructor(options: ConnectOptions) {
    const { signal, log = NO_LOG, durable = false } = options;
    this.#signal = signal;
    this.#isDurable = durable;
    this.#log = log;
    this.#events = createEvents(log, options.log === undefined ? this.#say : undefined);
    this.#outbox = createOutbox(options.bufferBytes ?? CLIENT_BUFFER_BYTES, (id) => {
      this.#requests.wrote(id);
      this.#deliveries.wrote(id);
    });
    this.#sending = createSending(this.#outbox, this.#requests, this.#deliveries);
    this.#incoming = createIncoming({
      name: () => this.name,
      requests: this.#requests,
      deliveries: this.#deliveries,
      inbox: this.#inbox,
      listeners: this.#listeners,
      tell: (text) => this.#outbox.tell(text),
      refused: (code, text, re) => {
        log.warn(`The hub refused: ${text}`, { code, re });
        this.#events.emit("refused", { code, text, re });
      },
    });
    this.#membership = createMembership(options, {
      searching: (reason) => this.#events.emit("searching", { reason }),
      refused: (refusal) => this.#events.emit("refused", refusal),
      joined: (welcome, address, socket) => this.#welcome(welcome, address, socket),
      message: (message) => this.#incoming.take(message),
      lost: (reason) => this.#lost(reason),
      error: (error, what) => this.#events.error(error, what),
    }, log);
    signal?.addEventListener("abort", this.#aborted, { once: true });
    if (signal?.aborted) this.#aborted();
  }

  get name(): string {
    return this.#membership.name;
  }

  get joined(): boolean {
    return this.#membership.joined;
  }

  get hub(): JoinedHub | undefined {
    return this.#membership.hub;
  }

  /** In the hub: it is told again what it is to know of this client, and gets what waits. */
  #welcome({ name, hub, mailbox }: WelcomeMessage, address: string, socket: HubSocket): void {
    const outbox = this.#outbox;
    outbox.joined(socket);
    const again = this.#joinedBefore;
    if (!again) this.#incoming.holdBack();
    this.#joinedBefore = true;
    const { topics, spying } = this.#listeners;
    // In parts: of too many the hub refuses those that are too many, and not all.
    for (let i = 0; i < topics.length; i += MOST_TOPICS) {
      const some = topics.slice(i, i + MOST_TOPICS);
      outbox.tell(encodeMessage({ cmd: "_subscribe", topics: some }));
    }
    if (spying) outbox.tell(encodeMessage(this.#listeners.spyMessage()));
    if (this.#status !== undefined) outbox.tell(encodeMessage(this.#status));
    if (this.#isDurable) {
      if (mailbox?.kept !== true) {
        this.#log.warn("What waits for this client is lost if the hub ends: it keeps no ledger");
      }
      this.#inbox.joined(mailbox?.id);
    }
    // What may be lost goes first: it was sent before what waits.
    for (const text of this.#deliveries.again()) outbox.tell(text);
    outbox.release();
    this.#log.info(`Joined the hub "${hub}" as ${name}`, { address });
    this.#events.emit("joined", { name, hub, address, again });
  }

  /** The connection is gone: what was on its way has no answer. */
  #lost(reason: string): void {
    this.#outbox.lost();
    this.#incoming.lost();
    this.#requests.lost(new Error(`Cannot get the answer: the hub was lost: ${reason}`));
    this.#events.emit("lost", { reason });
  }

  send(message: Outgoing): void {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    this.#sending.send(message);
  }

  async deliver(message: Outgoing, options: WaitOptions = {}): Promise<Receipt> {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    return await this.#sending.deliver(message, options);
  }

  async request(message: Outgoing, options: WaitOptions = {}): Promise<Message> {
    if (this.#closing !== undefined) throw new Error("Cannot ask: the client is closed");
    return await this.#sending.request(message, options);
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
    if (this.#outbox.isOpen) this.#sending.send(message);
  }

  status(state: string, text?: string): void {
    if (this.#closing !== undefined) throw new Error("Cannot send: the client is closed");
    const message: Outgoing = { cmd: "_status", state, ...(text === undefined ? {} : { text }) };
    asToHub(message);
    this.#status = message;
    this.#tell(message);
  }

  async clients(options: WaitOptions = {}): Promise<readonly ClientEntry[]> {
    const answer = asFromHub(await this.request({ cmd: "_clients" }, options));
    return answer?.cmd === "_clients" ? answer.clients : [];
  }

  async flush(options: WaitOptions = {}): Promise<void> {
    await this.request({ cmd: "_ping" }, options);
  }

  addEventListener<E extends keyof ClientEvents>(
    type: E,
    listener: (event: ClientEvents[E]) => void,
  ): Off {
    return this.#events.on(type, listener);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    if (this.joined) {
      await inTime(this.#deliveries.done(), CLOSE_SEC * 1000);
      await this.#sending.request({ cmd: "_ping" }, { timeoutSec: CLOSE_SEC }).catch(() => {});
      // Now, not before: what came meanwhile, and is done with, is not to come again.
      this.#incoming.release();
      this.#inbox.flush();
    }
    await this.#membership.leave();
    const signal = this.#signal;
    signal?.removeEventListener("abort", this.#aborted);
    const unsent = this.#outbox.waiting;
    const why = signal?.aborted
      ? signal.reason instanceof Error ? signal.reason.message : String(signal.reason)
      : "closed by the program";
    const reason = unsent === 0 ? why : `${why}; ${unsent} messages were never sent`;
    this.#requests.giveUpAll(new Error("Cannot get the answer: the client was closed"));
    this.#deliveries.giveUpAll(new Error("Cannot say whether it is safe: the client was closed"));
    this.#inbox.close();
    if (unsent > 0) this.#log.warn(`Left: ${reason}`);
    else this.#log.debug(`Left: ${reason}`);
    this.#events.emit("closed", { reason });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
