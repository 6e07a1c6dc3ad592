// Pings and their answers. Of idle clients there may be thousands, and nothing else costs as much of them:
// so neither is made or read as JSON unless somebody spies.

import type { Envelope } from "../envelope.ts";
import { HUB_NAME } from "../message.ts";
import { createNames } from "../names.ts";
import { sharedLines } from "../transport/outbox.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Joining } from "./joining.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { RoundTrips } from "./round_trips.ts";

/** Parts of the hub that signs of life work with. */
export interface SignParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly post: Post;
  readonly joining: Joining;
  readonly pings: RoundTrips;
}

/** Pings and their answers. */
export interface SignsOfLife {
  /** Asks a client that has joined whether it is there. */
  ping(client: Client, now: number): void;
  /** It has answered. */
  answered(client: Client): void;
  /** Takes an answer that says nothing else; `false`: it is another message, or not so simple. */
  take(client: Client, envelope: Envelope): boolean;
}

/** Bytes of `{"cmd": "_pong"}` at most, with blanks: there is no room for another field. */
const PONG_BYTES = 18;
const encoder = new TextEncoder();

/** Makes both. */
export function createSignsOfLife(parts: SignParts): SignsOfLife {
  const { settings, counters, post, joining, pings } = parts;
  const names = createNames();

  function answered(client: Client): void {
    if (client.pinged !== undefined) pings.add((settings.clock() - client.pinged) / 1000);
    client.pinged = undefined;
    joining.answered(client);
  }

  return {
    ping(client, now) {
      client.lastPing = now;
      client.pinged = now;
      if (post.spies.size > 0) return post.tell(client, { cmd: "_ping" });
      // A name has nothing in it that JSON writes otherwise, and one byte for each character.
      const text = `{"cmd":"_ping","from":"${HUB_NAME}","to":"${client.name}","time":${
        now / 1000
      }}\n`;
      const line = sharedLines.room(text.length);
      const begin = line.length;
      line.length += text.length;
      encoder.encodeInto(text, line.bytes.subarray(begin));
      post.send(client, post.next(), line.bytes, begin, line.length);
      post.settle();
    },
    answered,
    take(client, envelope) {
      const { begin, end } = envelope;
      if (end - begin > PONG_BYTES || client.name === undefined) return false;
      if (post.spies.size > 0 || joining.isUndecided(client)) return false;
      if (envelope.cmd(names) !== "_pong") return false;
      joining.alive(client, settings.clock());
      client.received++;
      counters.bytes += end - begin;
      counters.messages++;
      answered(client);
      return true;
    },
  };
}
