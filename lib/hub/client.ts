// What the hub knows of one connection.

import type { Challenge } from "../keys/door.ts";
import type { Rights } from "../keys/rights.ts";
import type { ClientInfo, ClientStatus, InitMessage } from "../message.ts";
import type { Connection } from "../transport/transport.ts";
import type { Mailbox } from "./mailbox.ts";
import { newSource, type Source } from "./pressure.ts";
import type { Stamp } from "./stamp.ts";

/** A connection that asks to come in. */
export interface Entering {
  readonly init: InitMessage;
  /** The door is deciding. */
  deciding: boolean;
  /** What it was asked; its answer is awaited. */
  challenge: Challenge | undefined;
  /** It is denied, and will be told at this time, in milliseconds. */
  refusal: { readonly at: number; readonly text: string } | undefined;
}

/** A client that waits until it is known whether the holder of its name is alive. */
export interface Waiting {
  readonly init: InitMessage;
  readonly holder: Client;
  readonly since: number;
}

/** One connection, joined or not. Times in milliseconds. */
export interface Client extends Source {
  readonly connection: Connection;
  readonly connected: number;
  /** `undefined`: it has not joined. */
  name: string | undefined;
  /** It asks to come in. */
  entering: Entering | undefined;
  waiting: Waiting | undefined;
  /** What it has said while it was not decided whether it may come in, and how much that is. */
  held: string[];
  heldLength: number;
  /** The ID of the key that it has shown. */
  key: string | undefined;
  /** What it may do; `undefined`: everything. */
  rights: Rights | undefined;
  /** When a denial was last worth a line of the log, and how many were not since. */
  deniedSaid: number;
  deniedUnsaid: number;
  info: ClientInfo;
  /** What it has said of itself last. */
  status: ClientStatus | undefined;
  since: number;
  lastSeen: number;
  /** Bytes read since its last message, at least: if there are any, they are of one without an end. */
  unended: number;
  lastPing: number;
  /** Its answer to the ping of this time is awaited. */
  pinged: number | undefined;
  received: number;
  sent: number;
  /** The hub has done with it: it says and gets nothing more. */
  gone: boolean;
  /** Whether a page of history is being read for it. */
  reading: boolean;
  readonly topics: Set<string>;
  /** What its messages end with, once it has joined. */
  stamp: Stamp | undefined;
  /** Where what is sent to it waits, if it is durable. */
  mailbox: Mailbox | undefined;
  /** Number of the last message that it was sent: nobody gets one twice. */
  lastDelivery: number;
}

/** A connection that has said nothing yet. */
export function newClient(connection: Connection, now: number): Client {
  return {
    ...newSource(),
    connection,
    connected: now,
    name: undefined,
    entering: undefined,
    waiting: undefined,
    held: [],
    heldLength: 0,
    key: undefined,
    rights: undefined,
    deniedSaid: -Infinity,
    deniedUnsaid: 0,
    info: {},
    status: undefined,
    since: now,
    lastSeen: now,
    unended: 0,
    lastPing: now,
    pinged: undefined,
    received: 0,
    sent: 0,
    gone: false,
    reading: false,
    topics: new Set(),
    stamp: undefined,
    mailbox: undefined,
    lastDelivery: 0,
  };
}

/** The client's name, or where it connects from if it has none. */
export function whoIs({ name, connection }: Client): string {
  return name ?? connection.address;
}
