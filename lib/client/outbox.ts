// What goes out to the hub, or waits for it: in order, and within a bound.

import { BufferFullError } from "./errors.ts";
import type { HubSocket } from "./hub_socket.ts";

/** What a client sends. */
export interface Outbox {
  /** Whether what is put in goes out at once. */
  readonly isOpen: boolean;
  /** Messages that wait for the hub. */
  readonly waiting: number;
  /**
   * Whether there is room for so much more.
   *
   * @param length Of its text.
   * @throws {BufferFullError} If what waits would be more than it may hold; nothing is dropped.
   */
  checkRoom(length: number): void;
  /** Sends a message, or lets it wait for the hub. */
  put(text: string, id?: string): void;
  /** Takes back a message that waits; nothing if it has gone out. */
  takeBack(id: string): void;
  /** Sends a message if the hub is there; nothing if it is not, or is lost on the way. */
  tell(text: string): void;
  /** The hub is there. What waits, waits for `release`: there are things to be said first. */
  joined(socket: HubSocket): void;
  /** What waits goes out. */
  release(): void;
  /** The hub is gone: what is put in from now on waits. */
  lost(): void;
}

/**
 * Makes an empty one.
 *
 * @param bufferBytes What may wait, for a hub that is away or for one that reads slowly.
 * @param wrote Told the id of each message that was put in, when it goes out.
 */
export function createOutbox(bufferBytes: number, wrote: (id: string) => void): Outbox {
  let socket: HubSocket | undefined;
  let waiting: { readonly text: string; readonly id: string | undefined }[] = [];
  let waitingBytes = 0;

  /** The connection, if what is written to it goes out. */
  function open(): HubSocket | undefined {
    return socket?.isOpen === true ? socket : undefined;
  }

  function write(text: string, id: string | undefined): void {
    if (id !== undefined) wrote(id);
    socket?.send(text);
  }

  return {
    get isOpen() {
      return open() !== undefined;
    },
    get waiting() {
      return waiting.length;
    },
    checkRoom(length) {
      const held = open()?.bufferedAmount ?? waitingBytes;
      if (held + length <= bufferBytes) return;
      throw new BufferFullError(
        `Cannot send: ${held} bytes wait for the hub already, and at most ${bufferBytes} may`,
      );
    },
    put(text, id) {
      if (open() !== undefined) return write(text, id);
      waiting.push({ text, id });
      waitingBytes += text.length;
    },
    takeBack(id) {
      const at = waiting.findLastIndex((one) => one.id === id);
      for (const { text } of at < 0 ? [] : waiting.splice(at, 1)) waitingBytes -= text.length;
    },
    tell: (text) => open()?.send(text),
    joined(to) {
      socket = to;
    },
    release() {
      const all = waiting;
      waiting = [];
      waitingBytes = 0;
      for (const { text, id } of all) write(text, id);
    },
    lost() {
      socket = undefined;
    },
  };
}
