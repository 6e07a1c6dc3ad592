// Who sees what is routed, whoever it is for.

import { HUB_NAME, type MessageFilter, passesFilter, type Route } from "../message.ts";
import type { Client } from "./client.ts";

function isOfHub({ from }: Route): boolean {
  return from === HUB_NAME;
}

interface Spy {
  readonly client: Client;
  readonly only: MessageFilter | undefined;
}

/** Sends one of them a message, which is a line. */
type Give = (
  client: Client,
  delivery: number,
  line: Uint8Array,
  begin: number,
  end: number,
) => void;

/** Clients that spy, each with what it wants to see. */
export class Spies {
  /** How many there are. A field, as it is looked at for each message. */
  size = 0;
  readonly #give: Give;
  #spies: readonly Spy[] = [];

  /** Nobody spies yet; `give` sends one of them a message. */
  constructor(give: Give) {
    this.#give = give;
  }

  /** From now on the client sees what passes the filter; `undefined`: all. */
  add(client: Client, only: MessageFilter | undefined): void {
    this.remove(client);
    this.#set([...this.#spies, { client, only }]);
  }

  has(client: Client): boolean {
    return this.#spies.some((spy) => spy.client === client);
  }

  remove(client: Client): void {
    this.#set(this.#spies.filter((spy) => spy.client !== client));
  }

  clear(): void {
    this.#set([]);
  }

  /** Gives the message to each spy that was not sent it in the same delivery. */
  show(message: Route, delivery: number, line: Uint8Array, begin: number, end: number): void {
    for (const { client, only } of this.#spies) {
      if (client.lastDelivery === delivery) continue;
      // Its own mail comes by itself, with a number.
      if (client.mailbox !== undefined && message.to === client.name && !isOfHub(message)) continue;
      if (only === undefined || passesFilter(message, only)) {
        this.#give(client, delivery, line, begin, end);
      }
    }
  }

  #set(spies: readonly Spy[]): void {
    this.#spies = spies;
    this.size = spies.length;
  }
}
