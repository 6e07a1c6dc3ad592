// Sending, and waiting for what comes of it: an answer, or the word that it is safe.

import { REQUEST_SEC } from "../defaults.ts";
import { encodeMessage, EVERYONE, HUB_NAME, type Message } from "../message.ts";
import type { Outgoing, Receipt } from "./contract.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Outbox } from "./outbox.ts";
import type { Requests } from "./requests.ts";
import { whileWaiting } from "./waiting.ts";

/** How long to wait. */
export interface WaitOptions {
  readonly timeoutSec?: number;
  readonly signal?: AbortSignal;
}

/** The ways to send; each is as in {@linkcode Client}, also while the client closes. */
export interface Sending {
  send(message: Outgoing): void;
  deliver(message: Outgoing, options: WaitOptions): Promise<Receipt>;
  request(message: Outgoing, options: WaitOptions): Promise<Message>;
}

/** A durable program that is away is not to do tomorrow what it was asked for now. */
function withExpiry(message: Outgoing, timeoutSec: number): Outgoing {
  const { to, expires } = message;
  const isForOne = to !== undefined && to !== HUB_NAME && to !== EVERYONE;
  if (!isForOne || expires !== undefined || !(timeoutSec > 0 && timeoutSec < Infinity)) {
    return message;
  }
  return { ...message, expires: timeoutSec };
}

/** Makes what sends by an outbox; answers and receipts are awaited in the other two. */
export function createSending(
  outbox: Outbox,
  requests: Requests,
  deliveries: Deliveries,
): Sending {
  /** The text of a message for which there is room. */
  function encode(message: Outgoing, more = 0): string {
    const text = encodeMessage({ ...message, time: message.time ?? Date.now() / 1000 });
    outbox.checkRoom(text.length + more);
    return text;
  }

  return {
    send(message) {
      outbox.put(encode(message), message.id);
    },
    async deliver(message, { timeoutSec, signal }) {
      signal?.throwIfAborted();
      if (message.to === undefined && message.topic === undefined) {
        throw new TypeError(`Cannot deliver "${message.cmd}": it has neither "to" nor "topic"`);
      }
      const id = message.id ?? crypto.randomUUID();
      const text = encode({ ...message, id, ack: true }, deliveries.length);
      const receipt = deliveries.add(id, text);
      outbox.put(text, id);
      return await whileWaiting(receipt, {
        timeoutSec,
        signal,
        late: `Cannot say whether "${message.cmd}" is safe: the hub has not said so`,
        giveUp: (reason) => deliveries.giveUp(id, reason),
      });
    },
    async request(message, { timeoutSec = REQUEST_SEC, signal }) {
      signal?.throwIfAborted();
      const id = message.id ?? crypto.randomUUID();
      const text = encode({ ...withExpiry(message, timeoutSec), id });
      const answer = requests.add(id);
      outbox.put(text, id);
      const whom = message.to ?? message.topic ?? "the hub";
      return await whileWaiting(answer, {
        timeoutSec,
        signal,
        late: `Cannot get an answer to "${message.cmd}" from ${whom}: none`,
        giveUp(reason) {
          requests.giveUp(id, reason);
          // Nor is a hub that was away to bring it up when nobody waits for the answer.
          if (message.expires === undefined) outbox.takeBack(id);
        },
      });
    },
  };
}
