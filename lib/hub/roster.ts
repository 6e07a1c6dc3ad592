// Who is here: all connections, and those that have joined, by name and by topic.

import type { ClientEntry } from "../message.ts";
import type { Client } from "./client.ts";
import { createSubscribers, type Subscribers } from "./subscribers.ts";

/** Most names that an error lists. */
const MAX_LISTED = 50;
/** A name's length, see `isClientName`. */
const NAME_LENGTH = 64;

/** Everybody who is here. */
export interface Roster {
  /** All connections, in the order they came. */
  readonly all: Set<Client>;
  /** How many have joined. */
  readonly size: number;
  readonly subscribers: Subscribers<Client>;
  /** Who has joined under the name. */
  get(name: string): Client | undefined;
  /** Everybody who has joined, as they are now. */
  everybody(): readonly Client[];
  add(name: string, client: Client): void;
  /** Takes the client out; its name is free then. */
  remove(client: Client): void;
  clear(): void;
  /** `name-2`, `name-3` …: the first that is free. */
  freeName(name: string): string;
  /** The names, in words, not too many of them. */
  names(): string;
  entries(): ClientEntry[];
}

function entryOf(name: string, client: Client): ClientEntry {
  const { connection, key, since, lastSeen, info, status, received, sent, pauses } = client;
  const { address, transport, queued } = connection;
  return {
    name,
    address,
    transport,
    ...(key === undefined ? {} : { key }),
    since: since / 1000,
    lastSeen: lastSeen / 1000,
    info,
    ...(status === undefined ? {} : { status }),
    received,
    sent,
    queued,
    pauses,
  };
}

/** Makes one with nobody in it. */
export function createRoster(): Roster {
  const all = new Set<Client>();
  const joined = new Map<string, Client>();
  const subscribers = createSubscribers(() => joined.values());
  /** Those in `joined`, once somebody has asked. */
  let everyone: readonly Client[] | undefined;

  function changed(): void {
    everyone = undefined;
    subscribers.changed();
  }

  return {
    all,
    subscribers,
    get size() {
      return joined.size;
    },
    get: (name) => joined.get(name),
    everybody: () => everyone ??= [...joined.values()],
    add(name, client) {
      joined.set(name, client);
      changed();
    },
    remove(client) {
      all.delete(client);
      const { name } = client;
      if (name === undefined) return;
      if (joined.get(name) === client) joined.delete(name);
      changed();
    },
    clear() {
      all.clear();
      joined.clear();
      changed();
    },
    freeName(name) {
      for (let i = 2;; i++) {
        const suffix = `-${i}`;
        const free = name.slice(0, NAME_LENGTH - suffix.length) + suffix;
        if (!joined.has(free)) return free;
      }
    },
    names() {
      const names = [...joined.keys()].sort();
      const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
      return names.slice(0, MAX_LISTED).join(", ") + more;
    },
    entries: () =>
      [...joined].map(([name, client]) => entryOf(name, client))
        .sort((a, b) => a.name < b.name ? -1 : 1),
  };
}
