// How a connection becomes a client: its first message, its name, and who gives way to whom.
//
//   introduced   the first message is looked at: is it an _init, can its name be one?
//   entrance.ts  has it a key?
//   admitted     it may come in: it gets its name, or waits for it
//   joined       it is here, and everybody hears of it
//
// A name that is held by a live connection is refused; who asked with `unique` gets another one then.
// Whether it is alive is asked with a _ping; if nothing is heard for `takeoverSec`, the newcomer gets
// the name: a half-open connection must not lock a restarted program out, nor make "run-2" of "run".
// Only the answer decides at once: what else comes may have been sent before the program died.

import { lineOf } from "../bytes.ts";
import { PROTOCOL_VERSION } from "../defaults.ts";
import {
  asToHub,
  type InitMessage,
  isClientName,
  type Message,
  MessageError,
  type WelcomeMessage,
} from "../message.ts";
import { plainText } from "../plain_text.ts";
import type { Pass } from "../keys/door.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import { createEntrance, type Entrance } from "./entrance.ts";
import type { Leaving } from "./leaving.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";
import { createStamp } from "./stamp.ts";

/** Most messages held for a client that waits for a name. */
const MAX_HELD = 1000;

/** How clients come in. */
export interface Joining {
  /**
   * The first message of a connection.
   *
   * @throws {MessageError} If it is no introduction.
   */
  introduced(client: Client, message: Message): void;
  /** How one comes past the door. */
  readonly entrance: Entrance;
  /** Whether it is not decided yet that the client may come in. */
  isUndecided(client: Client): boolean;
  /** Keeps what a client says of which that is so. */
  hold(client: Client, text: string): void;
  /** A sign of life. */
  alive(client: Client, now: number): void;
  /** The client has answered a ping: whoever waits for its name does not get it. */
  answered(client: Client): void;
  /** The holder of the name was silent for long enough: it goes. */
  takeOver(client: Client): void;
  stopWaiting(client: Client): void;
  /** A name is free: whoever waited first for it has it now. */
  freed(holder: Client, name: string): void;
  /** What the hub says to a client that is in. */
  welcome(client: Client, name: string, re: string | undefined): WelcomeMessage;
}

/** Parts of the hub that joining works with. */
export interface JoiningParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
  readonly mailboxes: Mailboxes;
  readonly leaving: () => Leaving;
  /** Takes a message that was held until the client had joined. */
  readonly received: (client: Client, text: string) => void;
}

/**
 * Reads the first message of a connection.
 *
 * @throws {MessageError} `not-joined` if it is no `_init`, `name-invalid`, `bad-message`.
 */
function readInit(message: Message): InitMessage {
  const { cmd, id } = message;
  if (cmd !== "_init") {
    const text = `Cannot take ${cmd}: the first message has to be _init with a name`;
    throw new MessageError("not-joined", text, "cmd", id);
  }
  const init = asToHub(message) as InitMessage;
  if (!isClientName(init.name)) {
    throw new MessageError(
      "name-invalid",
      `Cannot join as "${
        plainText(init.name, 80)
      }": a name is 1 to 64 of A-Z a-z 0-9 . _ -, and does not begin with _`,
      "name",
      id,
    );
  }
  if (init.durable === true && init.unique === true) {
    const text =
      "Cannot join: durable mail is for one name, and unique: true asks for any; leave one out";
    throw new MessageError("bad-message", text, "durable", id);
  }
  return init;
}

/** Makes the way into a hub. */
export function createJoining(parts: JoiningParts): Joining {
  const { settings, roster, post, mailboxes, leaving, received } = parts;
  const { clock, log, ledger } = settings;
  /** How many wait for a name. */
  let waiting = 0;

  /** Another name that the client may have, if it has asked for one. */
  function otherName(client: Client, { name, unique }: InitMessage): string | undefined {
    const free = roster.freeName(name);
    return unique === true && problemWithName(client, free) === undefined ? free : undefined;
  }

  /** The holder of the name is alive. */
  function nameTaken(client: Client, holder: Client, init: InitMessage): void {
    const other = otherName(client, init);
    if (other !== undefined) return join(client, init, other);
    leaving().turnAway(
      client,
      "name-taken",
      `Cannot join as "${init.name}": a client of that name is here, from ${holder.connection.address}; ` +
        "choose another name, or ask with unique: true",
      init.id,
    );
  }

  function stopWaiting(client: Client): void {
    if (client.waiting === undefined) return;
    client.waiting = undefined;
    waiting--;
  }

  function welcome(client: Client, name: string, re: string | undefined): WelcomeMessage {
    const { name: hub, heartbeatSec: heartbeat, timeoutSec: timeout } = settings;
    const { mailbox: box } = client;
    const isKept = ledger !== undefined && ledger.stats().stopped === undefined;
    const mailbox = box && { id: mailboxes.id, waiting: box.size, kept: isKept };
    return {
      cmd: "_welcome",
      name,
      hub,
      protocol: PROTOCOL_VERSION,
      heartbeat,
      timeout,
      ...(mailbox === undefined ? {} : { mailbox }),
      re,
    };
  }

  /** Why the client may not have the name. */
  function problemWithName(client: Client, name: string): string | undefined {
    const why = client.rights?.name(name);
    return why === undefined ? undefined : `Cannot join as "${name}": ${why}`;
  }

  function admitted(client: Client, init: InitMessage, pass: Pass): void {
    client.key = pass.key;
    client.rights = pass.rights;
    const { name } = init;
    const holder = roster.get(name);
    const problem = problemWithName(client, name);
    const other = problem === undefined || holder === undefined
      ? undefined
      : otherName(client, init);
    if (problem !== undefined && other === undefined) return entrance.denied(client, problem);
    if (init.durable === true) mailboxes.check(name, init.id);
    client.entering = undefined;
    if (holder === undefined || other !== undefined) return join(client, init, other ?? name);
    client.waiting = { init, holder, since: clock() };
    waiting++;
    post.tell(holder, { cmd: "_ping" });
  }

  function join(client: Client, init: InitMessage, name: string): void {
    const now = clock();
    stopWaiting(client);
    client.name = name;
    client.stamp = createStamp(name);
    client.info = init.info ?? {};
    client.since = now;
    client.lastSeen = now;
    client.lastPing = now;
    roster.add(name, client);
    const { nonce: _, address: __, ...shown } = init;
    const seen = { ...shown, key: client.key, from: name, time: init.time ?? now / 1000 };
    post.seen(seen, lineOf(JSON.stringify(seen)), post.next());
    if (init.durable === true) mailboxes.arrive(client, name);
    post.tell(client, welcome(client, name, init.id));
    const { address, transport } = client.connection;
    log.info(`${name} joined`, { address, transport, key: client.key });
    post.publish("_hub/joined", { cmd: "joined", name, address, transport, info: client.info });
    mailboxes.give(client);
    release(client);
  }

  /** What was held is taken now, in order. */
  function release(client: Client): void {
    const { held } = client;
    client.held = [];
    client.heldLength = 0;
    for (const text of held) {
      if (isUndecided(client)) hold(client, text);
      else received(client, text);
    }
  }

  function isUndecided({ waiting, entering }: Client): boolean {
    return waiting !== undefined || entering?.deciding === true;
  }

  function hold(client: Client, text: string): void {
    if (client.gone) return;
    client.held.push(text);
    client.heldLength += text.length;
    if (client.held.length > MAX_HELD || client.heldLength > settings.maxBytes) {
      leaving().turnAway(client, "not-joined", "Closed: too many messages before _welcome");
    }
  }

  const { counters } = parts;
  const entrance = createEntrance({ settings, counters, post, leaving, admitted, release });

  return {
    introduced(client, message) {
      if (client.entering !== undefined) entrance.proven(client, client.entering, message);
      else entrance.introduced(client, readInit(message));
    },
    entrance,
    isUndecided,
    welcome,
    stopWaiting,
    hold,
    alive(client, now) {
      client.lastSeen = now;
      client.unended = 0;
    },
    answered(client) {
      if (waiting === 0) return;
      for (const other of [...roster.all]) {
        if (other.waiting?.holder === client) nameTaken(other, client, other.waiting.init);
      }
    },
    takeOver(client) {
      if (client.waiting === undefined) return;
      const reason =
        `it did not answer, and a client from ${client.connection.address} asked for its name`;
      leaving().closeSilent(client.waiting.holder, reason);
    },
    freed(holder, name) {
      for (const other of [...roster.all]) {
        const { waiting } = other;
        if (waiting?.holder !== holder) continue;
        const next = roster.get(name);
        if (next === undefined) join(other, waiting.init, name);
        else nameTaken(other, next, waiting.init);
      }
    },
  };
}
