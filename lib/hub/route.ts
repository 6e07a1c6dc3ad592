// The way through for a message that was parsed: who it is for, and why not if it is refused.

import { asToHub, EVERYONE, HUB_NAME, type Message, MessageError, type ToHub } from "../message.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";
import { isOfHub } from "./subscribers.ts";

/**
 * Routes a message of a client that has joined under this name.
 *
 * @throws {MessageError} If it is refused; then nothing was done.
 */
export type Route = (client: Client, name: string, given: Message) => void;

/** Parts of the hub that routing works with. */
export interface RouteParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
  /** Answers a message to the hub itself. */
  readonly answer: (client: Client, name: string, request: ToHub) => void;
}

const encoder = new TextEncoder();

/** Makes the way through a hub. */
export function createRoute({ settings, counters, roster, post, answer }: RouteParts): Route {
  const { clock, maxBytes } = settings;

  /** As it goes on, with who sent it and when. */
  function stamped(given: Message, name: string): Message {
    if (given.from !== undefined && given.from !== name) {
      throw new MessageError(
        "denied",
        `Cannot take ${given.cmd}: "from" is "${given.from}", but you are "${name}"; leave it out`,
        "from",
        given.id,
      );
    }
    return { ...given, from: name, time: given.time ?? clock() / 1000 };
  }

  function textOf(message: Message): string {
    const text = JSON.stringify(message);
    if (text.length * 3 > maxBytes && encoder.encode(text).length > maxBytes) {
      throw new MessageError(
        "too-large",
        `Cannot take the message: with "from" and "time" it is larger than ${maxBytes} bytes`,
        undefined,
        message.id,
      );
    }
    return text;
  }

  function receiver(to: string, { cmd, id }: Message): Client {
    const client = roster.get(to);
    if (client !== undefined) return client;
    const text = `Cannot deliver ${cmd}: there is no client "${to}"; there are ${roster.names()}`;
    throw new MessageError("unknown-client", text, "to", id);
  }

  return (client, name, given) => {
    const message = stamped(given, name);
    const { to, topic, id } = message;
    const forHub = topic === undefined && (to === undefined || to === HUB_NAME);
    if (!forHub && message.cmd === "_welcome") {
      throw new MessageError("denied", "Cannot take _welcome: only the hub sends it", "cmd", id);
    }
    const text = textOf(message);
    if (forHub) {
      const request = asToHub(message);
      counters.messages++;
      post.seen(message, encoder.encode(text), post.next());
      return answer(client, name, request);
    }
    if (topic !== undefined && isOfHub(topic)) {
      const why = `Cannot publish on ${topic}: that topic is the hub's own`;
      throw new MessageError("denied", why, "topic", id);
    }
    const receivers = topic !== undefined
      ? roster.subscribers.of(topic)
      : to === EVERYONE
      ? roster.everybody()
      : [receiver(to ?? "", message)];
    counters.messages++;
    post.deliver(message, text, receivers, to === EVERYONE ? client : undefined);
  };
}
