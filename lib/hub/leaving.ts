// The ways in which a client is refused something, or its connection ends.

import { lineOf } from "../bytes.ts";
import { type ErrorCode, HUB_NAME } from "../message.ts";
import { plainText } from "../plain_text.ts";
import { type Client, whoIs } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";

/** How clients leave. */
export interface Leaving {
  /** Refuses a message; the connection stays. */
  refuse(client: Client, code: ErrorCode, text: string, re?: string): void;
  /** Refuses, and closes the connection. */
  turnAway(client: Client, code: ErrorCode, text: string, re?: string): void;
  /** Closes a connection whose other end seems dead; with advice to it, should it be alive. */
  closeSilent(client: Client, reason: string, advice?: string): void;
  /** Closes the connection of a client that does not read, whatever waits for it. */
  evict(client: Client): void;
  /** The connection is over: nobody knows the client any more. */
  forget(client: Client, reason: string): void;
}

/** Parts of the hub that leaving works with. */
export interface LeavingParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
  /** It waits for no name any more. */
  readonly stopWaiting: (client: Client) => void;
  /** Its mail is to wait from now on. */
  readonly keepMail: (client: Client) => void;
  /** It is read on if it was not: nobody keeps what it says. */
  readonly readOn: (client: Client) => void;
  /** A name is free now: that of this client, which is gone. */
  readonly freed: (client: Client, name: string) => void;
}

/** What is said of a refusal, in characters, as strangers' words may be in it: the names of 50 clients fit. */
const MOST_TEXT = 4000;
/** A line about denials of one client no more often than this, in milliseconds. */
const DENIAL_MS = 1000;

/** Makes the ways out. */
export function createLeaving(parts: LeavingParts): Leaving {
  const { settings, counters, roster, post, stopWaiting, keepMail, readOn, freed } = parts;
  const { clock, log } = settings;

  function refuse(client: Client, code: ErrorCode, words: string, re?: string): void {
    const text = plainText(words, MOST_TEXT);
    counters.refused++;
    counters.refusals[code] = (counters.refusals[code] ?? 0) + 1;
    // Who has not joined was told, counted and logged at the entrance.
    if (code === "denied" && client.name !== undefined) noteDenial(client, text);
    else log.debug(`refused: ${text}`, { client: client.name, code });
    post.tell(client, { cmd: "_error", code, text, re });
  }

  /** Somebody tries what it may not: worth a line, but not a line each time. */
  function noteDenial(client: Client, text: string): void {
    counters.denied++;
    const now = clock();
    if (now - client.deniedSaid < DENIAL_MS) return void client.deniedUnsaid++;
    const more = client.deniedUnsaid === 0 ? "" : ` (and ${client.deniedUnsaid} more before)`;
    client.deniedSaid = now;
    client.deniedUnsaid = 0;
    log.warn(`denied: ${text}${more}`, { client: client.name, key: client.key });
    const line = `Denied to ${client.name}: ${text}${more}`;
    post.publish("_hub/log", { cmd: "log", level: "warn", text: line });
  }

  function forget(client: Client, words: string): void {
    if (client.gone) return;
    const reason = plainText(words, MOST_TEXT);
    client.gone = true;
    stopWaiting(client);
    roster.remove(client);
    post.spies.remove(client);
    keepMail(client);
    readOn(client);
    const { name } = client;
    if (name === undefined) return;
    log.info(`${name} left: ${reason}`);
    post.publish("_hub/left", { cmd: "left", name, reason });
    freed(client, name);
  }

  return {
    refuse,
    forget,
    turnAway(client, code, words, re) {
      const text = plainText(words, MOST_TEXT);
      stopWaiting(client);
      refuse(client, code, text, re);
      // What is denied at the entrance was said there.
      const say = code === "denied" && client.name === undefined ? log.debug : log.info;
      say(`turned away: ${text}`, { address: client.connection.address, code });
      forget(client, text);
      client.connection.close(text);
    },
    closeSilent(client, reason, advice) {
      log.warn(`Closed ${whoIs(client)}: ${reason}`);
      const text = advice === undefined ? `Closed: ${reason}` : `Closed: ${reason}; ${advice}`;
      post.tell(client, { cmd: "_error", code: "not-joined", text });
      client.connection.close(reason);
      forget(client, reason);
    },
    evict(client) {
      if (client.gone) return;
      const { connection } = client;
      const { queued } = connection;
      counters.slowConsumers++;
      const reason = `it does not read: ${queued} bytes wait for it`;
      const who = whoIs(client);
      forget(client, reason);
      // The rest of what it was to get goes at once, so that this is the last that it gets.
      connection.destroy(lineOf(JSON.stringify({
        cmd: "_error",
        code: "slow-consumer",
        text: `Closed: you do not read what is sent to you; ${queued} bytes waited`,
        from: HUB_NAME,
        time: clock() / 1000,
      })));
      log.warn(`Closed ${who}: ${reason}`);
      post.publish("_hub/log", {
        cmd: "log",
        level: "warn",
        text: `Closed ${who}: ${reason}`,
      });
    },
  };
}
