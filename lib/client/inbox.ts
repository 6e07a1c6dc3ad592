// What comes to a durable client, and what comes twice: mail is confirmed when its handlers are done,
// and a message that is sent again, by the hub or by its sender, goes to the handlers once.

import type { Message } from "../message.ts";
import { createKnown } from "./known.ts";

/** Mail is confirmed at the latest when so many are done with … */
const CONFIRM_COUNT = 100;
/** … or so many milliseconds after the first of them. */
const CONFIRM_MS = 20;

/** What comes in. */
export interface Inbox {
  /** In a hub, which has this mailbox for us; `undefined`: it has none. */
  joined(mailbox: string | undefined): void;
  /**
   * Takes a message for this client.
   *
   * @param isMail Whether its number is the hub's, and not something of its sender's.
   * @returns What to call when its handlers are done; `undefined`: it is not for them, they had it.
   */
  take(message: Message, isMail: boolean): (() => void) | undefined;
  /** Confirms at once all that is done with. */
  flush(): void;
  /** Confirms nothing more. */
  close(): void;
}

/** Mail that the handlers have, or are done with. */
interface Taken {
  readonly n: number;
  done: boolean;
}

const NOTHING_TO_DO = () => {};

/**
 * Makes an inbox.
 *
 * @param confirm Tells the hub that all mail up to this number is done with.
 */
export function createInbox(confirm: (n: number) => void): Inbox {
  /** The hub's mailbox for us; numbers of another one say nothing about those of this. */
  let mailbox: string | undefined;
  let last = 0, done = 0, confirmed = 0;
  let taken: Taken[] = [];
  let doneCount = 0;
  /** The hub has not heard the last confirmation, it seems. */
  let again = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const known = createKnown();

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    doneCount = 0;
    if (done <= confirmed && !again) return;
    again = false;
    confirmed = done;
    confirm(done);
  }

  function soon(): void {
    if (++doneCount >= CONFIRM_COUNT) flush();
    else timer ??= setTimeout(flush, CONFIRM_MS);
  }

  /** One of the handlers' is done; all before it may be, too. */
  function finish(mail: Taken): void {
    mail.done = true;
    let count = 0;
    for (const { n, done: isDone } of taken) {
      if (!isDone) break;
      done = n;
      count++;
    }
    if (count === 0) return;
    taken = count === taken.length ? [] : taken.slice(count);
    soon();
  }

  /** Whether a message with `ack` was here before; from now on it was. */
  function isKnown({ ack, id, from = "", time, retained }: Message): boolean {
    // A last value is given to each who subscribes, however often it was here.
    if (ack !== true || id === undefined || retained === true) return false;
    // Its time belongs to it: a program that counts from 1 at each start says something new.
    return known(from, `${id} ${time}`);
  }

  return {
    flush,
    close: () => clearTimeout(timer),
    joined(id) {
      if (id === mailbox) {
        // The hub need not send again what it was not told in time.
        again = done > 0 && mailbox !== undefined;
        flush();
        return;
      }
      mailbox = id;
      last = done = confirmed = 0;
      again = false;
      taken = [];
    },
    take(message, isMail) {
      const { _mail: n } = message;
      if (!isMail || n === undefined || mailbox === undefined) {
        return isKnown(message) ? undefined : NOTHING_TO_DO;
      }
      if (n <= last) {
        if (n <= confirmed) {
          again = true;
          soon();
        }
        return undefined;
      }
      last = n;
      const mail = { n, done: false };
      const box = mailbox;
      taken.push(mail);
      const finished = () => {
        if (box === mailbox && !mail.done) finish(mail);
      };
      if (!isKnown(message)) return finished;
      finished();
      return undefined;
    },
  };
}
