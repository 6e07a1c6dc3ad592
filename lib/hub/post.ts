// The way out: messages to clients, and beside them to the journal and to spies.

import { lineOf } from "../bytes.ts";
import { HUB_NAME, isSystemCommand, type Message } from "../message.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Settings } from "./options.ts";
import type { Roster } from "./roster.ts";
import { Spies } from "./spies.ts";

/** Sends what is to be sent. */
export interface Post {
  readonly spies: Spies;
  /** Number of a new delivery: what one message is to all who get it. */
  next(): number;
  /**
   * One message of a delivery to one client, see `Connection.send`. Once all have got theirs,
   * `settle` is to be called. Default: all the bytes.
   */
  send(client: Client, delivery: number, line: Uint8Array, begin?: number, end?: number): void;
  /** The same, see `Connection.sendWith`. */
  sendWith(
    client: Client,
    delivery: number,
    bytes: Uint8Array,
    begin: number,
    end: number,
    tail: Uint8Array,
  ): void;
  /** What was routed: for the journal, unless `keep` is false, and for spies that were not sent it. */
  seen(message: Message, line: Uint8Array, delivery: number, keep?: boolean): void;
  /** Lets go of those that do not read. */
  settle(): void;
  /** All of it: to the receivers but one, the journal, and the spies. */
  deliver(
    message: Message,
    text: string,
    receivers: readonly Client[],
    options?: { but?: Client; keep?: boolean },
  ): void;
  /** The same to one client, and to nobody else: neither kept nor spied on. */
  say(client: Client, message: Message): void;
  /** The hub's own message to one client; `keep`: whether the journal keeps it. Default: true. */
  tell(client: Client, message: Message, options?: { keep?: boolean }): void;
  /** The hub's own message on a topic. */
  publish(topic: string, message: Message): void;
}

/** Parts of the hub that the post works with. */
export interface PostParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  /** Lets go of a client for which too much waits. */
  readonly evict: (client: Client) => void;
}

const SIGNS_OF_LIFE: ReadonlySet<string> = new Set(["_ping", "_pong", "_got", "_status"]);

/**
 * Between a client and the hub: thousands of these say nothing to who looks back; a new status is on
 * `_hub/status` besides.
 */
function isSignOfLife({ cmd, from, to, topic }: Message): boolean {
  if (!isSystemCommand(cmd) || !SIGNS_OF_LIFE.has(cmd)) return false;
  return from === HUB_NAME || to === HUB_NAME || (to === undefined && topic === undefined);
}

/** Makes the way out of a hub. */
export function createPost({ settings, counters, roster, evict }: PostParts): Post {
  const { clock, journal, queueBytes } = settings;
  const spies = new Spies(send);
  let lastDelivery = 0;
  /** They go once the message at hand is delivered to all. */
  let slow: Client[] = [];

  const ofHub = (message: Message, to: string | undefined): Message => ({
    ...message,
    from: HUB_NAME,
    to,
    time: clock() / 1000,
  });

  function send(
    client: Client,
    delivery: number,
    line: Uint8Array,
    begin = 0,
    end = line.length,
  ): void {
    if (client.gone) return;
    client.connection.send(line, begin, end);
    count(client, delivery, end - 1 - begin);
  }

  function sendWith(
    client: Client,
    delivery: number,
    bytes: Uint8Array,
    begin: number,
    end: number,
    tail: Uint8Array,
  ): void {
    if (client.gone) return;
    client.connection.sendWith(bytes, begin, end, tail);
    count(client, delivery, end - begin + tail.length);
  }

  function count(client: Client, delivery: number, size: number): void {
    client.lastDelivery = delivery;
    client.sent++;
    counters.delivered++;
    counters.sentBytes += size;
    if (client.connection.queued > queueBytes) slow.push(client);
  }

  function seen(message: Message, line: Uint8Array, delivery: number, keep = true): void {
    if (keep && !isSignOfLife(message)) journal?.append(line, message, 0, line.length - 1);
    if (spies.size > 0) spies.show(message, delivery, line, 0, line.length);
  }

  function settle(): void {
    if (slow.length === 0) return;
    const all = slow;
    slow = [];
    for (const client of all) evict(client);
  }

  function deliver(
    message: Message,
    text: string,
    receivers: readonly Client[],
    { but, keep }: { but?: Client; keep?: boolean } = {},
  ): void {
    const line = lineOf(text);
    const delivery = ++lastDelivery;
    for (const receiver of receivers) {
      if (receiver !== but) send(receiver, delivery, line);
    }
    seen(message, line, delivery, keep);
    settle();
  }

  return {
    spies,
    next: () => ++lastDelivery,
    send,
    sendWith,
    seen,
    settle,
    deliver,
    say(client, message) {
      send(client, ++lastDelivery, lineOf(JSON.stringify(ofHub(message, client.name))));
      settle();
    },
    tell(client, message, options) {
      const full = ofHub(message, client.name);
      deliver(full, JSON.stringify(full), [client], options);
    },
    publish(topic, message) {
      const full: Message = { ...message, topic, from: HUB_NAME, time: clock() / 1000 };
      deliver(full, JSON.stringify(full), roster.subscribers.of(topic));
    },
  };
}
