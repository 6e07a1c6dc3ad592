// The way through for a message that was parsed: who it is for, and why not if it is refused.

import { lineOf } from "../bytes.ts";
import { asToHub, EVERYONE, HUB_NAME, type Message, MessageError, type ToHub } from "../message.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Handed, Receipts } from "./receipts.ts";
import type { Retained } from "./retained.ts";
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
  readonly mailboxes: Mailboxes;
  readonly retained: Retained;
  readonly receipts: Receipts;
  /** Answers a message to the hub itself. */
  readonly answer: (client: Client, name: string, request: ToHub) => void;
}

const encoder = new TextEncoder();

/** The number of a mail and the mark of a kept value are the hub's to set. */
function withoutOurs(given: Message): Message {
  if (given._mail === undefined && given.retained === undefined) return given;
  const { _mail, retained: _, ...own } = given;
  return { ...own, cmd: given.cmd };
}

function denied({ cmd, id }: Message, verb: string, why: string): MessageError {
  return new MessageError("denied", `Cannot ${verb} ${cmd}: ${why}`, "cmd", id);
}

/** Makes the way through a hub. */
export function createRoute(parts: RouteParts): Route {
  const { settings, counters, roster, post, mailboxes, retained, receipts, answer } = parts;
  const { clock, maxBytes, journal } = settings;

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

  /** What the sender asks for has to make sense. */
  function checkAsked({ cmd, ack, retain, topic, id }: Message): void {
    if (ack === true && id === undefined) {
      const text = `Cannot acknowledge ${cmd}: it has no "id" for the answer to name`;
      throw new MessageError("bad-message", text, "id", id);
    }
    if (retain === true && topic === undefined) {
      const text = `Cannot retain ${cmd}: it is on no topic`;
      throw new MessageError("bad-message", text, "retain", id);
    }
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

  /** Who a message for one name goes to: the client that has it, or its mailbox. */
  function addressee(to: string, { cmd, id }: Message): Client | Mailbox {
    const client = roster.get(to);
    const found = client?.mailbox ?? client ?? mailboxes.get(to);
    if (found !== undefined) return found;
    const text = `Cannot deliver ${cmd}: there is no client "${to}"; there are ${roster.names()}`;
    throw new MessageError("unknown-client", text, "to", id);
  }

  function toName(message: Message, to: string): Handed {
    const found = addressee(to, message);
    const text = textOf(message);
    if ("connection" in found) {
      counters.messages++;
      post.deliver(message, text, [found]);
      return { receivers: 1, mailbox: false, inLedger: false };
    }
    const line = lineOf(text);
    const bytes = line.length - 1;
    mailboxes.checkRoom(found, message, bytes);
    counters.messages++;
    const isHere = roster.get(to) !== undefined;
    mailboxes.put(found, message, text, bytes);
    post.seen(message, line, post.next());
    post.settle();
    return { receivers: isHere ? 1 : 0, mailbox: true, inLedger: true };
  }

  function onTopic(message: Message, topic: string): Handed {
    if (isOfHub(topic)) {
      const why = `Cannot publish on ${topic}: that topic is the hub's own`;
      throw new MessageError("denied", why, "topic", message.id);
    }
    const text = textOf(message);
    const inLedger = message.retain === true;
    if (inLedger) {
      const bytes = encoder.encode(text).length;
      retained.checkRoom(topic, message, bytes);
      retained.keep(topic, message, text, bytes);
    }
    const receivers = roster.subscribers.of(topic);
    counters.messages++;
    post.deliver(message, text, receivers);
    return { receivers: receivers.length, mailbox: false, inLedger };
  }

  function toEveryone(message: Message, sender: Client): Handed {
    const receivers = roster.everybody();
    const text = textOf(message);
    counters.messages++;
    post.deliver(message, text, receivers, { but: sender });
    return { receivers: receivers.length - 1, mailbox: false, inLedger: false };
  }

  function toHub(message: Message, client: Client, name: string): void {
    const text = textOf(message);
    const request = asToHub(message);
    const why = client.rights?.ask(request.cmd);
    if (why !== undefined) throw denied(message, "ask for", why);
    // Joining is over: what it says of a key now is nobody's business.
    if (request.cmd === "_init" || request.cmd === "_proof") return answer(client, name, request);
    counters.messages++;
    post.seen(message, lineOf(text), post.next());
    answer(client, name, request);
  }

  return (client, name, given) => {
    const { to, topic, cmd, id } = given;
    if (topic === undefined && (to === undefined || to === HUB_NAME)) {
      return toHub(stamped(given, name), client, name);
    }
    const message = stamped(withoutOurs(given), name);
    if (cmd === "_welcome") {
      throw new MessageError("denied", "Cannot take _welcome: only the hub sends it", "cmd", id);
    }
    if (topic !== undefined && (cmd === "_subscribe" || cmd === "_unsubscribe")) {
      const text =
        `Cannot take ${cmd}: with "topic" it is for those who subscribe to ${topic} already; ` +
        `the topics are a list: "topics": [${JSON.stringify(topic)}]`;
      throw new MessageError("bad-message", text, "topic", id);
    }
    const why = client.rights?.send(message);
    if (why !== undefined) throw denied(message, "take", why);
    checkAsked(message);
    // What happens to a receiver meanwhile has numbers behind this one.
    const seq = (journal?.seq ?? 0) + 1;
    const handed = topic !== undefined
      ? onTopic(message, topic)
      : to === undefined || to === EVERYONE
      ? toEveryone(message, client)
      : toName(message, to);
    if (message.ack === true) receipts.await(client, message, handed, seq);
  };
}
