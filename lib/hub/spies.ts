// Who sees what is routed, whoever it is for.

import { HUB_NAME, type MessageFilter, passesFilter, type Route } from "../message.ts";
import type { Client } from "./client.ts";

/** Clients that spy, each with what it wants to see. */
export interface Spies {
  readonly size: number;
  /** From now on the client sees what passes the filter; `undefined`: all. */
  add(client: Client, only: MessageFilter | undefined): void;
  has(client: Client): boolean;
  remove(client: Client): void;
  clear(): void;
  /** Gives the message to each spy that was not sent it in the same delivery. */
  show(message: Route, bytes: Uint8Array, delivery: number): void;
}

function isOfHub({ from }: Route): boolean {
  return from === HUB_NAME;
}

/** Makes a list of spies with nobody in it; `give` sends one of them a message. */
export function createSpies(
  give: (client: Client, delivery: number, bytes: Uint8Array) => void,
): Spies {
  let spies: readonly { readonly client: Client; readonly only: MessageFilter | undefined }[] = [];
  const without = (client: Client) => spies.filter((spy) => spy.client !== client);
  return {
    get size() {
      return spies.length;
    },
    add: (client, only) => void (spies = [...without(client), { client, only }]),
    has: (client) => spies.some((spy) => spy.client === client),
    remove: (client) => void (spies = without(client)),
    clear: () => void (spies = []),
    show(message, bytes, delivery) {
      for (const { client, only } of spies) {
        if (client.lastDelivery === delivery) continue;
        // Its own mail comes by itself, with a number.
        if (client.mailbox !== undefined && message.to === client.name && !isOfHub(message)) {
          continue;
        }
        if (only === undefined || passesFilter(message, only)) give(client, delivery, bytes);
      }
    },
  };
}
