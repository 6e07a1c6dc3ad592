// Who waits for an answer: requests by the id of what was asked.

import type { Message } from "../message.ts";
import { RefusedError } from "./errors.ts";

/** Requests that have no answer yet. */
export interface Requests {
  /**
   * A question goes out: resolves to its answer, rejects if it is refused.
   *
   * @throws {Error} If another one of this id has no answer yet.
   */
  add(id: string): Promise<Message>;
  /** It has gone out, so that its answer is lost with the connection. */
  wrote(id: string): void;
  /** Takes a message for this client; `false`: it answers nothing that was asked. */
  answered(message: Message): boolean;
  /** Nobody waits for it any more; the promise rejects, if it has not been settled. */
  giveUp(id: string, reason: unknown): void;
  /** The connection is gone: what went out has no answer. */
  lost(reason: unknown): void;
  /** Nobody waits for any of them. */
  giveUpAll(reason: unknown): void;
}

interface Request {
  readonly resolve: (answer: Message) => void;
  readonly reject: (reason: unknown) => void;
  sent: boolean;
}

/** Makes an empty one. */
export function createRequests(): Requests {
  const all = new Map<string, Request>();

  function take(id: string): Request | undefined {
    const request = all.get(id);
    all.delete(id);
    return request;
  }

  return {
    add(id) {
      if (all.has(id)) {
        throw new Error(`Cannot ask: a question with the id "${id}" has no answer yet`);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Message>();
      all.set(id, { resolve, reject, sent: false });
      return promise;
    },
    wrote(id) {
      const request = all.get(id);
      if (request !== undefined) request.sent = true;
    },
    answered(message) {
      const { re, cmd, code, text } = message;
      const request = re === undefined ? undefined : take(re);
      if (request === undefined) return false;
      if (cmd === "_error") request.reject(new RefusedError(String(code), String(text)));
      else request.resolve(message);
      return true;
    },
    giveUp: (id, reason) => take(id)?.reject(reason),
    lost(reason) {
      for (const [id, { sent }] of [...all]) if (sent) take(id)?.reject(reason);
    },
    giveUpAll(reason) {
      for (const id of [...all.keys()]) take(id)?.reject(reason);
    },
  };
}
