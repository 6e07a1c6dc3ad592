// abcd send - --ack: a stream of messages of which each is sent until it is safe, also through a hub or
// a network that is away for a while. The rest of the stream waits meanwhile.

import { type Client, type Outgoing, type Receipt, RefusedError } from "../lib/client.ts";

/** Messages that may be without their receipt at a time, and their length as text. */
const MOST = 1000, MOST_LENGTH = 2 ** 20;

/** Options of {@linkcode createSafeSending}. */
export interface SafeSendingOptions {
  readonly client: Client;
  /** How long a hub that is away at the end may take to come back, in seconds. */
  readonly timeoutSec: number;
  readonly stop: AbortSignal;
  /** It is safe. */
  readonly done: (receipt: Receipt, message: Outgoing) => void;
  /** The hub has refused it, and anything else. */
  readonly failed: (error: unknown, message: Outgoing) => void;
}

/** Sends what is to be safe. */
export interface SafeSending {
  /** Sends a message; resolves when there is room for the next. */
  put(message: Outgoing): Promise<void>;
  /**
   * Resolves when of each message it is known what became of it.
   *
   * @throws {Error} If the hub is away, and does not come back.
   */
  end(): Promise<void>;
}

/** Makes it. */
export function createSafeSending(options: SafeSendingOptions): SafeSending {
  const { client, timeoutSec, stop, done, failed } = options;
  let count = 0;
  let length = 0;
  let isOver = false;
  let wake = () => {};

  /** Resolves when one more is done, or the hub was lost or is there again; or after so long. */
  async function change(sec = Infinity): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (sec < Infinity) timer = setTimeout(resolve, sec * 1000);
    });
    clearTimeout(timer);
  }
  client.addEventListener("lost", () => wake());
  client.addEventListener("joined", () => wake());

  async function deliver(message: Outgoing, size: number): Promise<void> {
    count++;
    length += size;
    try {
      // Without a time: it is sent again to a hub that is back.
      done(await client.deliver(message, { signal: stop }), message);
    } catch (error) {
      if (!isOver || error instanceof RefusedError) failed(error, message);
    }
    count--;
    length -= size;
    wake();
  }

  return {
    async put(message) {
      const size = JSON.stringify(message).length;
      while (count > 0 && (count >= MOST || length + size > MOST_LENGTH)) {
        await change();
        stop.throwIfAborted();
      }
      void deliver(message, size);
    },
    async end() {
      while (count > 0) {
        stop.throwIfAborted();
        if (client.joined) await change();
        else {
          await change(timeoutSec);
          if (client.joined || count === 0) continue;
          isOver = true;
          throw new Error(
            `Cannot say whether the last ${count} messages are safe: the hub has been away for ${timeoutSec} s`,
          );
        }
      }
    },
  };
}
