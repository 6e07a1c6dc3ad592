// What the hub knows of one connection.

import type { ClientInfo, ClientStatus, InitMessage } from "../message.ts";
import type { Connection } from "../transport/transport.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Stamp } from "./stamp.ts";

/** A client that waits until it is known whether the holder of its name is alive. */
export interface Waiting {
  readonly init: InitMessage;
  readonly holder: Client;
  readonly since: number;
  /** What it has said meanwhile. */
  readonly held: string[];
  heldLength: number;
}

/** One connection, joined or not. Times in milliseconds. */
export interface Client {
  readonly connection: Connection;
  readonly connected: number;
  /** `undefined`: it has not joined. */
  name: string | undefined;
  waiting: Waiting | undefined;
  info: ClientInfo;
  /** What it has said of itself last. */
  status: ClientStatus | undefined;
  since: number;
  lastSeen: number;
  lastPing: number;
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
    connection,
    connected: now,
    name: undefined,
    waiting: undefined,
    info: {},
    status: undefined,
    since: now,
    lastSeen: now,
    lastPing: now,
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
