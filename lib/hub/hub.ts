// The hub: who is there, who gets which message, who has to go. No I/O, no clock of its own.

import {
  HEARTBEAT_SEC,
  JOIN_SEC,
  MAX_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  QUEUE_BYTES,
  TAKEOVER_SEC,
  TIMEOUT_SEC,
} from "../defaults.ts";
import { createNames, type Envelope } from "../envelope.ts";
import type { HubJournal } from "../journal/page.ts";
import { type Log, type LogLevel, NO_LOG } from "../log.ts";
import {
  asToHub,
  type ClientEntry,
  type ClientInfo,
  type ErrorCode,
  EVERYONE,
  type HistoryQuery,
  HUB_NAME,
  type InitMessage,
  isClientName,
  type Message,
  MessageError,
  type MessageFilter,
  parseMessage,
  passesFilter,
  type StatsAnswer,
  type ToHub,
} from "../message.ts";
import { type Connection, NOTHING, type Receiver } from "../transport/transport.ts";
import { createStamp, type Stamp } from "./stamp.ts";
import { createSubscribers, isOfHub } from "./subscribers.ts";

/** Options of {@linkcode Hub}; those in seconds and bytes default to defaults.ts. */
export interface HubOptions {
  /** The hub's name, as `_welcome` gives it. */
  name: string;
  /** The time now, in milliseconds since 1970. */
  clock: () => number;
  log?: Log;
  heartbeatSec?: number;
  timeoutSec?: number;
  joinSec?: number;
  takeoverSec?: number;
  maxBytes?: number;
  queueBytes?: number;
  /** Where all that is routed is kept. Default: nowhere. */
  journal?: HubJournal;
}

/** Most messages held for a client that waits for a name. */
const MAX_HELD = 1000;

/** A client that waits until it is known whether the holder of its name is alive. */
interface Waiting {
  readonly init: InitMessage;
  readonly holder: Client;
  readonly since: number;
  readonly held: string[];
  heldLength: number;
}

/** One connection, joined or not. Times in milliseconds. */
interface Client {
  readonly connection: Connection;
  readonly connected: number;
  name: string | undefined;
  waiting: Waiting | undefined;
  info: ClientInfo;
  since: number;
  lastSeen: number;
  lastPing: number;
  received: number;
  sent: number;
  gone: boolean;
  spying: boolean;
  /** Whether a page of history is being read for it. */
  reading: boolean;
  only: MessageFilter | undefined;
  readonly topics: Set<string>;
  /** What its messages end with, once it has joined. */
  stamp: Stamp | undefined;
  /** Number of the last message that it was sent: nobody gets one twice. */
  lastDelivery: number;
}

const encoder = new TextEncoder();

/** Thousands of these say nothing to who looks back. */
function isSignOfLife(cmd: string): boolean {
  return cmd === "_ping" || cmd === "_pong";
}

/** Takes connections in, and routes their messages. */
export class Hub {
  readonly name: string;
  readonly #options: Required<Omit<HubOptions, "journal">>;
  readonly #journal: HubJournal | undefined;
  readonly #log: Log;
  readonly #started: number;
  /** All connections, in the order they came. */
  readonly #all = new Set<Client>();
  readonly #joined = new Map<string, Client>();
  readonly #spies = new Set<Client>();
  /** How many wait for a name. */
  #waiting = 0;
  /** Those in `#joined`, once somebody has asked. */
  #everyone: readonly Client[] | undefined;
  readonly #subscribers = createSubscribers(() => this.#joined.values());
  readonly #names = createNames();
  /** Messages that go to several are put together here. */
  #whole = new Uint8Array(4096);
  #delivery = 0;
  /** Clients that do not read: they go once the message at hand is delivered to all. */
  #slow: Client[] = [];
  #down = false;
  #messages = 0;
  #bytes = 0;
  #delivered = 0;
  #refused = 0;
  #slowConsumers = 0;
  #timeouts = 0;

  constructor(options: HubOptions) {
    this.#options = {
      log: NO_LOG,
      heartbeatSec: HEARTBEAT_SEC,
      timeoutSec: TIMEOUT_SEC,
      joinSec: JOIN_SEC,
      takeoverSec: TAKEOVER_SEC,
      maxBytes: MAX_MESSAGE_BYTES,
      queueBytes: QUEUE_BYTES,
      ...options,
    };
    this.name = options.name;
    this.#journal = options.journal;
    this.#log = this.#options.log;
    this.#started = options.clock();
  }

  /** Takes a connection in; it has to introduce itself with `_init`. */
  attach(connection: Connection): Receiver {
    const now = this.#options.clock();
    const client: Client = {
      connection,
      connected: now,
      name: undefined,
      waiting: undefined,
      info: {},
      since: now,
      lastSeen: now,
      lastPing: now,
      received: 0,
      sent: 0,
      gone: false,
      spying: false,
      reading: false,
      only: undefined,
      topics: new Set(),
      stamp: undefined,
      lastDelivery: 0,
    };
    this.#all.add(client);
    this.#log.debug("connected", { address: connection.address, transport: connection.transport });
    if (this.#down) this.#turnAway(client, "shutting-down", "The hub is shutting down");
    return {
      scanned: (envelope) => this.#scanned(client, envelope),
      received: (text) => this.#received(client, text),
      garbled: (code, text, fatal) => this.#garbled(client, code, text, fatal),
      closed: (reason) => this.#forget(client, reason),
    };
  }

  /** Does what is due: pings, timeouts, names whose holder is silent. To be called each second. */
  tick(now: number): void {
    const { heartbeatSec, timeoutSec, joinSec, takeoverSec } = this.#options;
    for (const client of [...this.#all]) {
      if (client.gone) continue;
      if (client.waiting !== undefined) {
        if (now - client.waiting.since >= takeoverSec * 1000) this.#takeOver(client);
      } else if (client.name === undefined) {
        if (now - client.connected >= joinSec * 1000) {
          this.#turnAway(
            client,
            "not-joined",
            `Closed: no _init within ${joinSec} s of connecting`,
          );
        }
      } else if (now - client.lastSeen >= timeoutSec * 1000) {
        this.#timeouts++;
        this.#closeSilent(client, `no message for ${timeoutSec} s`);
      } else if (now - client.lastPing >= heartbeatSec * 1000) {
        client.lastPing = now;
        this.#tell(client, { cmd: "_ping" });
      }
    }
  }

  /** Who is joined, by name. */
  clients(): ClientEntry[] {
    return [...this.#joined.values()].map((client) => ({
      name: client.name ?? "",
      address: client.connection.address,
      transport: client.connection.transport,
      since: client.since / 1000,
      lastSeen: client.lastSeen / 1000,
      info: client.info,
      received: client.received,
      sent: client.sent,
      queued: client.connection.queued,
    })).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** The hub's counters. */
  stats(): Omit<StatsAnswer, "cmd"> {
    return {
      uptime: (this.#options.clock() - this.#started) / 1000,
      messages: this.#messages,
      bytes: this.#bytes,
      clients: this.#joined.size,
      delivered: this.#delivered,
      refused: this.#refused,
      slowConsumers: this.#slowConsumers,
      timeouts: this.#timeouts,
      ...(this.#journal === undefined ? {} : { journal: this.#journal.stats() }),
    };
  }

  /** Publishes a line of the log on `_hub/log`. */
  publishLog(level: LogLevel, text: string): void {
    this.#publish("_hub/log", { cmd: "log", level, text });
  }

  /** Publishes something that somebody should look at, on `_hub/alarm`. */
  publishAlarm(source: string, state: string, text: string): void {
    this.#publish("_hub/alarm", { cmd: "alarm", source, state, text });
  }

  /** Tells everybody that the hub ends, and closes their connections. */
  shutdown(): void {
    this.#down = true;
    const all = [...this.#all];
    for (const client of all) {
      if (!client.gone) {
        this.#tell(client, {
          cmd: "_error",
          code: "shutting-down",
          text: "The hub is shutting down; join again when it is back",
        });
      }
    }
    for (const client of all) {
      client.gone = true;
      client.connection.close("the hub is shutting down");
    }
    this.#all.clear();
    this.#joined.clear();
    this.#changed();
    this.#spies.clear();
  }

  /**
   * A message whose envelope is known. What cannot be forwarded as it is, or has to be refused, is
   * parsed.
   */
  #scanned(client: Client, envelope: Envelope): void {
    if (client.gone) return;
    if (!this.#forward(client, envelope)) this.#received(client, envelope.text());
  }

  /** Passes a message on without a parse; `false`: it has done nothing. */
  #forward(client: Client, envelope: Envelope): boolean {
    const { name, stamp } = client;
    if (name === undefined || stamp === undefined) return false;
    const names = this.#names;
    const from = envelope.from(names);
    if (from !== undefined && from !== name) return false;
    const cmd = envelope.cmd(names);
    if (cmd === "_welcome") return false;
    const to = envelope.to(names), topic = envelope.topic(names);
    let one: Client | undefined;
    let several: readonly Client[] | undefined;
    if (topic !== undefined) several = this.#subscribers.ofClients(topic);
    else if (to === EVERYONE) several = this.#everybody();
    else if (to !== undefined) one = this.#joined.get(to);
    if (one === undefined && several === undefined) return false;

    const now = this.#options.clock();
    const tail = stamp.tail(now, from !== undefined, envelope.hasTime);
    const { bytes, begin, end } = envelope;
    if (end - begin + tail.length - 1 > this.#options.maxBytes) return false;
    this.#alive(client, now);
    client.received++;
    this.#bytes += end - begin;
    this.#messages++;
    const delivery = ++this.#delivery;
    if (one !== undefined && this.#journal === undefined && this.#spies.size === 0) {
      this.#send(one, delivery, bytes, begin, end - 1, tail);
      this.#evictSlow();
      return true;
    }
    const size = end - 1 - begin + tail.length;
    if (this.#whole.length < size) this.#whole = new Uint8Array(2 * size);
    const whole = this.#whole;
    whole.set(bytes.subarray(begin, end - 1));
    whole.set(tail, size - tail.length);
    if (one !== undefined) this.#send(one, delivery, whole, 0, size, NOTHING);
    if (several !== undefined) {
      for (const other of several) {
        if (other !== client || topic !== undefined) {
          this.#send(other, delivery, whole, 0, size, NOTHING);
        }
      }
    }
    if (this.#journal !== undefined || this.#spies.size > 0) {
      this.#seen({ cmd, from: name, to, topic }, whole.subarray(0, size), delivery);
    }
    this.#evictSlow();
    return true;
  }

  /** Everybody, as they are now. */
  #everybody(): readonly Client[] {
    return this.#everyone ??= [...this.#joined.values()];
  }

  /** Somebody came or left. */
  #changed(): void {
    this.#everyone = undefined;
    this.#subscribers.changed();
  }

  #received(client: Client, text: string): void {
    if (client.gone) return;
    this.#alive(client, this.#options.clock());
    if (client.waiting !== undefined) {
      const { waiting } = client;
      waiting.held.push(text);
      waiting.heldLength += text.length;
      if (waiting.held.length > MAX_HELD || waiting.heldLength > this.#options.maxBytes) {
        this.#turnAway(client, "not-joined", "Closed: too many messages before _welcome");
      }
      return;
    }
    client.received++;
    this.#bytes += encoder.encode(text).length;
    try {
      const message = parseMessage(text, { maxBytes: this.#options.maxBytes });
      if (client.name === undefined) this.#introduced(client, message);
      else this.#take(client, client.name, message);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      if (client.name === undefined) this.#turnAway(client, error.code, error.message, error.id);
      else this.#refuse(client, error.code, error.message, error.id);
    }
  }

  #garbled(client: Client, code: ErrorCode, text: string, fatal: boolean): void {
    if (client.gone) return;
    this.#alive(client, this.#options.clock());
    if (fatal || client.name === undefined) this.#turnAway(client, code, text);
    else this.#refuse(client, code, text);
  }

  /** A sign of life: whoever waits for this client's name does not get it. */
  #alive(client: Client, now: number): void {
    client.lastSeen = now;
    if (this.#waiting === 0 || client.name === undefined) return;
    for (const other of [...this.#all]) {
      if (other.waiting?.holder === client) this.#nameTaken(other, client, other.waiting.init);
    }
  }

  #nameTaken(client: Client, holder: Client, init: InitMessage): void {
    this.#turnAway(
      client,
      "name-taken",
      `Cannot join as "${init.name}": a client of that name is here, from ${holder.connection.address}; ` +
        "choose another name, or ask with unique: true",
      init.id,
    );
  }

  /** The first message of a connection. */
  #introduced(client: Client, message: Message): void {
    if (message.cmd !== "_init") {
      throw new MessageError(
        "not-joined",
        `Cannot take ${message.cmd}: the first message has to be _init with a name`,
        "cmd",
        message.id,
      );
    }
    const init = asToHub(message) as InitMessage;
    if (!isClientName(init.name)) {
      throw new MessageError(
        "name-invalid",
        `Cannot join as ${
          JSON.stringify(init.name.slice(0, 80))
        }: a name is 1 to 64 of A-Z a-z 0-9 . _ -, and does not begin with _`,
        "name",
        init.id,
      );
    }
    const holder = this.#joined.get(init.name);
    if (holder === undefined) return this.#join(client, init, init.name);
    if (init.unique === true) return this.#join(client, init, this.#freeName(init.name));
    const now = this.#options.clock();
    client.waiting = { init, holder, since: now, held: [], heldLength: 0 };
    this.#waiting++;
    this.#tell(holder, { cmd: "_ping" });
  }

  #stopWaiting(client: Client): void {
    if (client.waiting === undefined) return;
    client.waiting = undefined;
    this.#waiting--;
  }

  #freeName(name: string): string {
    for (let i = 2;; i++) {
      const suffix = `-${i}`;
      const free = name.slice(0, 64 - suffix.length) + suffix;
      if (!this.#joined.has(free)) return free;
    }
  }

  #takeOver(client: Client): void {
    const { waiting } = client;
    if (waiting === undefined) return;
    this.#closeSilent(
      waiting.holder,
      `it did not answer, and a client from ${client.connection.address} asked for its name`,
    );
  }

  #join(client: Client, init: InitMessage, name: string): void {
    const now = this.#options.clock();
    const held = client.waiting?.held ?? [];
    this.#stopWaiting(client);
    client.name = name;
    client.stamp = createStamp(name);
    client.info = init.info ?? {};
    client.since = now;
    client.lastSeen = now;
    client.lastPing = now;
    this.#joined.set(name, client);
    this.#changed();
    const seen = { ...init, from: name, time: init.time ?? now / 1000 };
    this.#seen(seen, encoder.encode(JSON.stringify(seen)), ++this.#delivery);
    this.#tell(client, {
      cmd: "_welcome",
      name,
      hub: this.name,
      protocol: PROTOCOL_VERSION,
      heartbeat: this.#options.heartbeatSec,
      timeout: this.#options.timeoutSec,
      re: init.id,
    });
    const { address, transport } = client.connection;
    this.#log.info(`${name} joined`, { address, transport });
    this.#publish("_hub/joined", { cmd: "joined", name, address, transport, info: client.info });
    for (const text of held) this.#received(client, text);
  }

  /** A message of a joined client. */
  #take(client: Client, name: string, given: Message): void {
    const { id } = given;
    if (given.from !== undefined && given.from !== name) {
      throw new MessageError(
        "denied",
        `Cannot take ${given.cmd}: "from" is "${given.from}", but you are "${name}"; leave it out`,
        "from",
        id,
      );
    }
    const message: Message = {
      ...given,
      from: name,
      time: given.time ?? this.#options.clock() / 1000,
    };
    const { to, topic } = message;
    const forHub = topic === undefined && (to === undefined || to === HUB_NAME);
    if (!forHub && message.cmd === "_welcome") {
      throw new MessageError("denied", "Cannot take _welcome: only the hub sends it", "cmd", id);
    }
    const text = JSON.stringify(message);
    const { maxBytes } = this.#options;
    if (text.length * 3 > maxBytes && encoder.encode(text).length > maxBytes) {
      throw new MessageError(
        "too-large",
        `Cannot take the message: with "from" and "time" it is larger than ${maxBytes} bytes`,
        undefined,
        id,
      );
    }
    if (forHub) {
      const request = asToHub(message);
      this.#messages++;
      this.#seen(message, encoder.encode(text), ++this.#delivery);
      this.#answer(client, name, request);
    } else if (topic !== undefined) {
      if (isOfHub(topic)) {
        throw new MessageError(
          "denied",
          `Cannot publish on ${topic}: that topic is the hub's own`,
          "topic",
          id,
        );
      }
      this.#messages++;
      this.#deliver(message, text, this.#subscribers.of(topic));
    } else if (to === EVERYONE) {
      this.#messages++;
      this.#deliver(message, text, this.#everybody(), client);
    } else {
      const receiver = this.#joined.get(to ?? "");
      if (receiver === undefined) {
        throw new MessageError(
          "unknown-client",
          `Cannot deliver ${message.cmd}: there is no client "${to}"; there are ${this.#who()}`,
          "to",
          id,
        );
      }
      this.#messages++;
      this.#deliver(message, text, [receiver]);
    }
  }

  /** The names that are joined, not too many of them. */
  #who(): string {
    const names = [...this.#joined.keys()].sort();
    const most = 50;
    const more = names.length > most ? ` and ${names.length - most} more` : "";
    return names.slice(0, most).join(", ") + more;
  }

  #answer(client: Client, name: string, request: ToHub): void {
    const re = request.id;
    switch (request.cmd) {
      case "_init":
        if (request.name !== name) {
          throw new MessageError("denied", `Cannot join again: you are "${name}"`, "name", re);
        }
        return this.#tell(client, {
          cmd: "_welcome",
          name,
          hub: this.name,
          protocol: PROTOCOL_VERSION,
          heartbeat: this.#options.heartbeatSec,
          timeout: this.#options.timeoutSec,
          re,
        });
      case "_ping":
        return this.#tell(client, { cmd: "_pong", re });
      case "_pong":
        return;
      case "_clients":
        return this.#tell(client, { cmd: "_clients", clients: this.clients(), re });
      case "_stats":
        return this.#tell(client, { cmd: "_stats", ...this.stats(), re });
      case "_subscribe":
        for (const topic of request.topics) client.topics.add(topic);
        this.#subscribers.changed();
        return this.#tell(client, { cmd: "_ok", re });
      case "_unsubscribe":
        for (const topic of request.topics) client.topics.delete(topic);
        this.#subscribers.changed();
        return this.#tell(client, { cmd: "_ok", re });
      case "_spy":
        // First the answer, then what is seen: a program waits for the one to begin the other.
        this.#spies.delete(client);
        this.#tell(client, { cmd: "_ok", re, seq: this.#journal?.seq });
        client.spying = request.on && !client.gone;
        client.only = request.on ? request.only : undefined;
        if (client.spying) this.#spies.add(client);
        return;
      case "_history":
        return this.#history(client, name, request);
    }
  }

  /** Answers when the page is read. It is neither spied on nor kept: it was all seen before. */
  #history(client: Client, name: string, request: HistoryQuery): void {
    const { id, since, until, after, through, only, limit = Infinity } = request;
    const journal = this.#journal;
    if (journal === undefined) {
      throw new MessageError(
        "unknown-command",
        "Cannot look back: this hub keeps no journal",
        "cmd",
        id,
      );
    }
    if (client.reading) {
      const text = "Cannot look back: wait for the answer before you ask on";
      throw new MessageError("denied", text, undefined, id);
    }
    client.reading = true;
    const query = { ...only, since, until, after, through };
    journal.page(query, { limit: Math.min(1000, Math.max(1, limit)) }).then(({ records, next }) => {
      client.reading = false;
      const head = JSON.stringify({
        cmd: "_history",
        from: HUB_NAME,
        to: name,
        time: this.#options.clock() / 1000,
        re: id,
        next,
      });
      const page = encoder.encode(`${head.slice(0, -1)},"records":[${records.join(",")}]}`);
      this.#send(client, ++this.#delivery, page, 0, page.length, NOTHING);
      this.#evictSlow();
    }, (error) => {
      client.reading = false;
      const text = `Cannot look back: ${error instanceof Error ? error.message : error}`;
      if (!client.gone) this.#refuse(client, "bad-message", text, id);
    });
  }

  /** Gives a message to its receivers, and to the spies that are none of them. */
  #deliver(message: Message, text: string, receivers: readonly Client[], but?: Client): void {
    const bytes = encoder.encode(text);
    const delivery = ++this.#delivery;
    for (const receiver of receivers) {
      if (receiver !== but) this.#send(receiver, delivery, bytes, 0, bytes.length, NOTHING);
    }
    this.#seen(message, bytes, delivery);
    this.#evictSlow();
  }

  /** What was routed: for the journal, and for spies that were not sent it. */
  #seen(message: Message, bytes: Uint8Array, delivery: number): void {
    if (!isSignOfLife(message.cmd)) this.#journal?.append(bytes, message);
    for (const spy of this.#spies) {
      if (spy.lastDelivery === delivery) continue;
      if (spy.only === undefined || passesFilter(message, spy.only)) {
        this.#send(spy, delivery, bytes, 0, bytes.length, NOTHING);
      }
    }
  }

  /** The hub's own message to one client. */
  #tell(client: Client, message: Message): void {
    const full: Message = {
      ...message,
      from: HUB_NAME,
      to: client.name,
      time: this.#options.clock() / 1000,
    };
    this.#deliver(full, JSON.stringify(full), [client]);
  }

  #publish(topic: string, message: Message): void {
    const full: Message = { ...message, topic, from: HUB_NAME, time: this.#options.clock() / 1000 };
    this.#deliver(full, JSON.stringify(full), this.#subscribers.of(topic));
  }

  /** Sends one message to one client, see {@linkcode Connection.send}. */
  #send(
    client: Client,
    delivery: number,
    bytes: Uint8Array,
    begin: number,
    end: number,
    tail: Uint8Array,
  ): void {
    if (client.gone) return;
    const { connection } = client;
    connection.send(bytes, begin, end, tail);
    client.lastDelivery = delivery;
    client.sent++;
    this.#delivered++;
    if (connection.queued > this.#options.queueBytes) this.#slow.push(client);
  }

  /** Lets go of clients that do not read. */
  #evictSlow(): void {
    if (this.#slow.length === 0) return;
    const slow = this.#slow;
    this.#slow = [];
    for (const client of slow) {
      if (client.gone) continue;
      const { connection } = client;
      const { queued } = connection;
      this.#slowConsumers++;
      const reason = `it does not read: ${queued} bytes wait for it`;
      const who = client.name ?? connection.address;
      this.#forget(client, reason);
      // The rest of what it was to get goes at once, so that this is the last that it gets.
      connection.destroy(encoder.encode(JSON.stringify({
        cmd: "_error",
        code: "slow-consumer",
        text: `Closed: you do not read what is sent to you; ${queued} bytes waited`,
        from: HUB_NAME,
        time: this.#options.clock() / 1000,
      })));
      this.#log.warn(`Closed ${who}: ${reason}`);
      this.publishLog("warn", `Closed ${who}: ${reason}`);
    }
  }

  #refuse(client: Client, code: ErrorCode, text: string, re?: string): void {
    this.#refused++;
    this.#log.debug(`refused: ${text}`, { client: client.name, code });
    this.#tell(client, { cmd: "_error", code, text, re });
  }

  /** Refuses, and closes the connection. */
  #turnAway(client: Client, code: ErrorCode, text: string, re?: string): void {
    this.#stopWaiting(client);
    this.#refuse(client, code, text, re);
    this.#log.info(`turned away: ${text}`, { address: client.connection.address, code });
    this.#forget(client, text);
    client.connection.close(text);
  }

  #closeSilent(client: Client, reason: string): void {
    this.#log.warn(`Closed ${client.name ?? client.connection.address}: ${reason}`);
    this.#tell(client, { cmd: "_error", code: "not-joined", text: `Closed: ${reason}` });
    client.connection.close(reason);
    this.#forget(client, reason);
  }

  #forget(client: Client, reason: string): void {
    if (client.gone) return;
    client.gone = true;
    this.#stopWaiting(client);
    this.#all.delete(client);
    this.#spies.delete(client);
    const { name } = client;
    if (name === undefined) return;
    if (this.#joined.get(name) === client) this.#joined.delete(name);
    this.#changed();
    this.#log.info(`${name} left: ${reason}`);
    this.#publish("_hub/left", { cmd: "left", name, reason });
    // Whoever waited first for the name has it now.
    for (const other of [...this.#all]) {
      const { waiting } = other;
      if (waiting?.holder !== client) continue;
      const holder = this.#joined.get(name);
      if (holder === undefined) this.#join(other, waiting.init, name);
      else this.#nameTaken(other, holder, waiting.init);
    }
  }
}
