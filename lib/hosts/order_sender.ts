// The orders for a host agent, until it has carried them out: each is sent once, and again when it was
// answered and is still to be done.

import type { Order } from "./host_report.ts";

/**
 * Makes what is to be called when there may be something to send.
 *
 * @param wanted All that is not carried out yet.
 * @param ask Sends some of it, and resolves when it is answered. Never rejects.
 */
export function createOrderSender(
  wanted: () => readonly Order[],
  ask: (orders: readonly Order[]) => Promise<void>,
): () => Promise<void> {
  /** What was sent and not answered yet, by program. */
  const sent = new Map<string, string>();
  const inWords = ({ order, what }: Order) => `${order} ${what}`;
  return async () => {
    const orders = wanted().filter((one) => sent.get(one.name) !== inWords(one));
    if (orders.length === 0) return;
    for (const one of orders) sent.set(one.name, inWords(one));
    await ask(orders);
    // A later one may have been sent since.
    for (const one of orders) if (sent.get(one.name) === inWords(one)) sent.delete(one.name);
  };
}
