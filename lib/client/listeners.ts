// Who listens to what: handlers by command, by topic, and of what is spied on.

import { type Json, type Message, type MessageFilter, passesFilter } from "../message.ts";
import { topicMatches } from "../topic.ts";
import type { Handler, Off, Outgoing } from "./contract.ts";

/** The handlers of a client. */
export interface Listeners {
  /** The topics that are subscribed to. */
  readonly topics: readonly string[];
  /** Whether somebody spies. */
  readonly spying: boolean;
  on(cmd: string, handler: Handler): Off;
  subscribe(topic: string, handler: Handler): Off;
  spy(only: MessageFilter | undefined, handler: Handler): Off;
  /** What tells the hub what is spied on now. */
  spyMessage(): Outgoing;
  /**
   * Calls the handlers of a message by its command, if it is for this client, and by its topic; and
   * `done` when they are done, their promises too, however it went.
   */
  hand(message: Message, forMe: boolean, done: () => void): void;
  /** Calls the handlers of those who spy. */
  show(message: Message): void;
}

/** Adds a value to a set in a table; what is returned takes it out again. */
export function addTo<T>(table: Map<string, Set<T>>, key: string, value: T): Off {
  const set = table.get(key) ?? new Set();
  table.set(key, set.add(value));
  return () => {
    set.delete(value);
    if (set.size === 0 && table.get(key) === set) table.delete(key);
  };
}

/** Makes a table of handlers with nobody in it; `failed` is told of what one throws. */
export function createListeners(failed: (error: unknown, message: Message) => void): Listeners {
  const handlers = new Map<string, Set<Handler>>();
  const topics = new Map<string, Set<Handler>>();
  const spies = new Set<{ only: MessageFilter | undefined; handler: Handler }>();

  /** What it returns is settled when the handler is done, and never fails. */
  function call(handler: Handler, message: Message): Promise<void> | undefined {
    try {
      const result = handler(message);
      if (!(result instanceof Promise)) return undefined;
      return result.catch((error) => failed(error, message));
    } catch (error) {
      failed(error, message);
    }
  }

  return {
    get topics() {
      return [...topics.keys()];
    },
    get spying() {
      return spies.size > 0;
    },
    on: (cmd, handler) => addTo(handlers, cmd, handler),
    subscribe: (topic, handler) => addTo(topics, topic, handler),
    spy(only, handler) {
      const entry = { only, handler };
      spies.add(entry);
      return () => void spies.delete(entry);
    },
    spyMessage() {
      // One filter the hub applies itself; of several it sends all, and they are applied here.
      const [first, ...others] = spies;
      if (first === undefined) return { cmd: "_spy", on: false };
      if (others.length > 0 || first.only === undefined) return { cmd: "_spy", on: true };
      return { cmd: "_spy", on: true, only: first.only as Json };
    },
    hand(message, forMe, done) {
      const { cmd, topic } = message;
      const results: (Promise<void> | undefined)[] = [];
      if (forMe) {
        for (const name of [cmd, "*"]) {
          for (const handler of handlers.get(name) ?? []) results.push(call(handler, message));
        }
      }
      if (topic !== undefined) {
        for (const [subscription, all] of topics) {
          if (!topicMatches(subscription, topic)) continue;
          for (const handler of all) results.push(call(handler, message));
        }
      }
      if (results.some((result) => result !== undefined)) void Promise.all(results).then(done);
      else done();
    },
    show(message) {
      for (const { only, handler } of spies) {
        if (only === undefined || passesFilter(message, only)) call(handler, message);
      }
    },
  };
}
