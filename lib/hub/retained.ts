// The last value of each topic that somebody said to keep, for those who subscribe later.

import { lineOf } from "../bytes.ts";
import { type Message, MessageError } from "../message.ts";
import { topicMatches } from "../topic.ts";
import type { Client } from "./client.ts";
import { encodeLine, type LedgerLine, valueLine } from "./ledger_line.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { ClockSet } from "../set_clock.ts";

interface Value {
  /** The message, as JSON. */
  readonly text: string;
  readonly bytes: number;
  /** When it is of no use any more, in milliseconds since 1970. */
  readonly until: number | undefined;
  /** It was kept before this run of the hub. */
  readonly isRecalled: boolean;
}

/** The last values of topics. */
export interface Retained {
  readonly bytes: number;
  /**
   * Whether there is room for a message as its topic's last value.
   *
   * @throws {MessageError} `retain-full`.
   */
  checkRoom(topic: string, message: Message, bytes: number): void;
  /** Keeps a message as its topic's last value. */
  keep(topic: string, message: Message, text: string, bytes: number): void;
  /** Gives a client the last values of what it has subscribed to now. */
  give(client: Client, subscriptions: readonly string[]): void;
  /** Forgets the last values of topics that match; returns of how many. */
  forget(subscriptions: readonly string[]): number;
  stats(): { readonly topics: number; readonly bytes: number };
  /** What the ledger is to hold of them; see `MailStore.lines`. */
  lines(): Iterable<string>;
  /** Takes in a line of the ledger. */
  recall(line: LedgerLine): void;
  /** The clock was set: what was kept in this run of the hub by the old one goes by the new one. */
  clockSet(set: ClockSet): void;
  /**
   * Takes in what a ledger holds that could not be opened before, where there is nothing newer, and
   * gives it to those that have subscribed already.
   */
  adopt(lines: readonly LedgerLine[], subscribers: (topic: string) => readonly Client[]): void;
}

const encoder = new TextEncoder();

/** Three thousand years: no sum with it is more than JSON has numbers for. */
const MOST_SEC = 1e11;

/** Makes a memory of topics with nothing in it. */
export function createRetained(
  { settings, post, lookAtClock }: {
    readonly settings: Settings;
    readonly post: Post;
    /** Sees whether the clock was set, before something goes by it. */
    readonly lookAtClock: () => void;
  },
): Retained {
  const { clock, ledger, retainedTopics, retainedBytes } = settings;
  const values = new Map<string, Value>();
  let totalBytes = 0;

  function remove(topic: string): boolean {
    totalBytes -= values.get(topic)?.bytes ?? 0;
    return values.delete(topic);
  }

  function put(topic: string, value: Value): void {
    // The one that is set last is given last.
    remove(topic);
    values.set(topic, value);
    totalBytes += value.bytes;
  }

  function dropOld(): void {
    const now = clock();
    for (const [topic, { until }] of values) {
      if (until !== undefined && until <= now) remove(topic);
    }
  }

  function isFull(topic: string, bytes: number): boolean {
    const known = values.get(topic);
    return (known === undefined && values.size >= retainedTopics) ||
      totalBytes - (known?.bytes ?? 0) + bytes > retainedBytes;
  }

  function recall(line: LedgerLine): void {
    if (line.is === "no value") remove(line.of);
    if (line.is !== "value") return;
    const text = JSON.stringify(line.m);
    const bytes = encoder.encode(text).length;
    put(line.of, { text, bytes, until: line.until, isRecalled: true });
  }

  function giveValue(client: Client, { text, until }: Value, now: number): void {
    if (client.gone || (until !== undefined && until <= now)) return;
    post.send(client, post.next(), lineOf(`${text.slice(0, -1)},"retained":true}`));
  }

  return {
    get bytes() {
      return totalBytes;
    },
    checkRoom(topic, { cmd, id }, bytes) {
      if (isFull(topic, bytes)) dropOld();
      if (!isFull(topic, bytes)) return;
      const text =
        `Cannot keep ${cmd} as the last value of ${topic}: ${values.size} topics with ${totalBytes} ` +
        `bytes are kept already, at most ${retainedTopics} with ${retainedBytes} may; ` +
        "_forget with topics makes room";
      throw new MessageError("retain-full", text, "retain", id);
    },
    keep(topic, { expires }, text, bytes) {
      if (expires !== undefined) lookAtClock();
      const until = expires === undefined
        ? undefined
        : clock() + Math.ceil(Math.min(expires, MOST_SEC) * 1000);
      put(topic, { text, bytes, until, isRecalled: false });
      ledger?.append(valueLine(topic, until, text));
    },
    give(client, subscriptions) {
      if (values.size === 0) return;
      const now = clock();
      for (const [topic, value] of values) {
        if (client.gone) break;
        if (!subscriptions.some((subscription) => topicMatches(subscription, topic))) continue;
        giveValue(client, value, now);
      }
      post.settle();
    },
    forget(subscriptions) {
      let count = 0;
      for (const topic of [...values.keys()]) {
        if (!subscriptions.some((subscription) => topicMatches(subscription, topic))) continue;
        remove(topic);
        ledger?.append(encodeLine({ is: "no value", of: topic }));
        count++;
      }
      return count;
    },
    stats: () => ({ topics: values.size, bytes: totalBytes }),
    *lines() {
      for (const topic of [...values.keys()]) {
        const value = values.get(topic);
        if (value !== undefined) yield valueLine(topic, value.until, value.text);
      }
    },
    recall,
    clockSet({ by }) {
      for (const [topic, value] of values) {
        const { until, isRecalled } = value;
        if (until === undefined || isRecalled) continue;
        values.set(topic, { ...value, until: until + by });
      }
    },
    adopt(lines, subscribers) {
      const newer = new Map(values);
      values.clear();
      totalBytes = 0;
      for (const line of lines) recall(line);
      for (const [topic, value] of newer) put(topic, value);
      const now = clock();
      for (const [topic, value] of values) {
        if (newer.has(topic)) continue;
        for (const client of subscribers(topic)) giveValue(client, value, now);
      }
      post.settle();
    },
  };
}
