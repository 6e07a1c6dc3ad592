// The quick way through: a message goes on as the bytes it came in, without a parse.

import { copyBytes } from "../bytes.ts";
import type { Envelope } from "../envelope.ts";
import { EVERYONE, type Route } from "../message.ts";
import { createNames } from "../names.ts";
import { sharedLines } from "../transport/outbox.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";

const NEWLINE = 10, UNDERSCORE = 95;

/** Passes a message on; `false`: it has done nothing, and the message has to be parsed. */
export type Forward = (client: Client, envelope: Envelope) => boolean;

/** Parts of the hub that forwarding works with. */
export interface ForwardParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
  /** The client has given a sign of life. */
  readonly alive: (client: Client, now: number) => void;
}

/** Makes the quick way through a hub. Whatever is rare, or has to be refused, is not for it. */
export function createForward({ settings, counters, roster, post, alive }: ForwardParts): Forward {
  const { clock, maxBytes, journal } = settings;
  const { spies } = post;
  const names = createNames();
  /** Where the last message went: mostly the next one goes there, too. */
  let route: Route = { cmd: "" };

  /** Gives a line, in memory that stays, to those it is for, and to spies. */
  function pass(
    sender: Client,
    one: Client | undefined,
    several: readonly Client[] | undefined,
    delivery: number,
    bytes: Uint8Array,
    begin: number,
    end: number,
  ): void {
    if (one !== undefined) post.send(one, delivery, bytes, begin, end);
    if (several !== undefined) {
      for (const other of several) {
        if (other !== sender || route.topic !== undefined) {
          post.send(other, delivery, bytes, begin, end);
        }
      }
    }
    if (spies.size > 0) spies.show(route, delivery, bytes, begin, end);
    post.settle();
  }

  return (client, envelope) => {
    const { name, stamp } = client;
    if (name === undefined || stamp === undefined) return false;
    const from = envelope.from(names);
    if (from !== undefined && from !== name) return false;
    const cmd = envelope.cmd(names);
    // What is of the protocol is looked at more closely.
    if (cmd.charCodeAt(0) === UNDERSCORE) return false;
    const to = envelope.to(names), topic = envelope.topic(names);
    // The way of what is parsed has the words for it.
    if (client.rights?.send({ cmd, to, topic }) !== undefined) return false;
    let one: Client | undefined;
    let several: readonly Client[] | undefined;
    if (topic !== undefined) several = roster.subscribers.ofClients(topic);
    else if (to === EVERYONE) several = roster.everybody();
    else if (to !== undefined) one = roster.get(to);
    if (one === undefined && several === undefined) return false;
    // What is to be kept, acknowledged or confirmed has to be looked at more closely.
    if (envelope.asks || one?.mailbox !== undefined) return false;

    const now = clock();
    const tail = stamp.tail(now, from !== undefined, envelope.hasTime);
    const { bytes, begin, end } = envelope;
    if (end - begin + tail.length - 1 > maxBytes) return false;
    alive(client, now);
    client.received++;
    counters.bytes += end - begin;
    counters.messages++;
    const delivery = post.next();
    if (
      cmd !== route.cmd || to !== route.to || name !== route.from || topic !== route.topic
    ) route = { cmd, from: name, to, topic };
    const size = end - 1 - begin + tail.length;
    const kept = journal?.append(bytes, route, begin, end - 1, tail);
    if (kept !== undefined) {
      pass(client, one, several, delivery, kept.bytes, kept.length - 1 - size, kept.length);
      return true;
    }
    if (one !== undefined && spies.size === 0) {
      post.sendWith(one, delivery, bytes, begin, end - 1, tail);
      post.settle();
      return true;
    }
    const line = sharedLines.room(size + 1);
    const at = line.length;
    copyBytes(bytes, begin, end - 1, line.bytes, line.view, at);
    copyBytes(tail, 0, tail.length, line.bytes, line.view, at + size - tail.length);
    line.length = at + size + 1;
    line.bytes[at + size] = NEWLINE;
    pass(client, one, several, delivery, line.bytes, at, at + size + 1);
    return true;
  };
}
