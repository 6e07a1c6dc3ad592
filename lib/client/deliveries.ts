// What was sent to be safe, and is not known to be: it is sent again, under the same id, to a hub that
// was lost meanwhile.

import type { Message } from "../message.ts";
import type { Receipt } from "./contract.ts";
import { BufferFullError, RefusedError } from "./errors.ts";
import { MAX_UNSAFE } from "./known.ts";

/** Messages that wait for their receipts, in the order in which they were sent. */
export interface Deliveries {
  readonly size: number;
  /** Their length as text. */
  readonly length: number;
  /**
   * Keeps a message, until its receipt comes, or it is refused.
   *
   * @throws {BufferFullError} If so many have no receipt that not all would be known as sent again.
   */
  add(id: string, text: string): Promise<Receipt>;
  /** It has gone out. */
  wrote(id: string): void;
  /** Takes an answer of the hub; `false`: it answers none of these. */
  answered(message: Message): boolean;
  /** Nobody waits for it any more. */
  giveUp(id: string, reason: unknown): void;
  /** Nobody waits for any of them. */
  giveUpAll(reason: unknown): void;
  /** What went out, and has to go out again on a new connection. */
  again(): string[];
  /** Resolves when there are none. */
  done(): Promise<void>;
}

interface Delivery {
  readonly text: string;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (reason: unknown) => void;
  sent: boolean;
}

/** Makes an empty one. */
export function createDeliveries(): Deliveries {
  const all = new Map<string, Delivery>();
  let length = 0;
  let empty: PromiseWithResolvers<void> | undefined;

  function take(id: string): Delivery | undefined {
    const delivery = all.get(id);
    if (delivery === undefined) return undefined;
    all.delete(id);
    length -= delivery.text.length;
    if (all.size === 0) empty?.resolve();
    return delivery;
  }

  return {
    get size() {
      return all.size;
    },
    get length() {
      return length;
    },
    add(id, text) {
      if (all.has(id)) {
        throw new Error(`Cannot send: a message with the id "${id}" is on its way already`);
      }
      if (all.size >= MAX_UNSAFE) {
        throw new BufferFullError(`Cannot send: ${all.size} messages have no receipt yet`);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
      all.set(id, { text, resolve, reject, sent: false });
      length += text.length;
      return promise;
    },
    wrote(id) {
      const delivery = all.get(id);
      if (delivery !== undefined) delivery.sent = true;
    },
    answered({ cmd, re = "", code, text, receivers, mailbox }) {
      if (cmd !== "_ok" && cmd !== "_error") return false;
      const delivery = take(re);
      if (delivery === undefined) return false;
      if (cmd === "_error") delivery.reject(new RefusedError(String(code), String(text)));
      else delivery.resolve({ receivers: Number(receivers ?? 0), mailbox: mailbox === true });
      return true;
    },
    giveUp(id, reason) {
      take(id)?.reject(reason);
    },
    giveUpAll(reason) {
      for (const id of [...all.keys()]) take(id)?.reject(reason);
    },
    again: () => [...all.values()].filter(({ sent }) => sent).map(({ text }) => text),
    done() {
      if (all.size === 0) return Promise.resolve();
      empty = Promise.withResolvers();
      return empty.promise;
    },
  };
}
