// One mailbox: what was sent to a name and is not confirmed yet, in order. Pure.
//
// Some of it may be on its way to the name's owner: at most a window of it, so that whoever comes back
// after a night is not flooded, and does not seem a client that never reads.

/** Most messages on their way to the owner of a mailbox, and not confirmed. */
export const WINDOW_MESSAGES = 1000;
/** Most bytes on their way; one message always may be. */
export const WINDOW_BYTES = 1024 * 1024;

/** A message that waits. */
export interface Mail {
  /** Its number: grows from one mail to the next, with holes. */
  readonly n: number;
  /** The message, as JSON. */
  readonly text: string;
  /** Its length in UTF-8. */
  readonly bytes: number;
  /** When it is of no use any more, in milliseconds since 1970. */
  readonly until: number;
  readonly from: string;
  readonly cmd: string;
  readonly id: string | undefined;
  /** What the message is known by if its sender sends it again for want of a receipt. */
  readonly again: string | undefined;
}

/** The mail of one name. */
export interface Mailbox {
  readonly name: string;
  /** How many messages wait, or are on their way and not confirmed. */
  readonly size: number;
  /** Their bytes. */
  readonly bytes: number;
  /** The highest number of a message that was ever put in; 0: none was. */
  readonly last: number;
  put(mail: Mail): void;
  /** Whether a message that its sender sends again is in it. */
  has(again: string): boolean;
  /** What is to be sent now, if something is; from then on it is on its way. */
  next(): Mail | undefined;
  /** Nothing is on its way any more: all of it waits. */
  rewind(): void;
  /** The clock was set by so many milliseconds since those behind this number were put in. */
  clockSet(by: number, behind: number): void;
  /** Takes out what is not on its way. */
  takeWaiting(): readonly Mail[];
  /** All up to this number have arrived; returns whether there were any. */
  confirm(n: number): boolean;
  /** Takes out what is too old, unless it is on its way. */
  expire(now: number): Mail[];
  /** Takes out those with these numbers, as far as they are not on their way. */
  takeOut(numbers: ReadonlySet<number>): void;
  /** Those that wait when it begins, whatever happens to them meanwhile. */
  [Symbol.iterator](): IterableIterator<Mail>;
}

/** Makes an empty one. */
export function createMailbox(name: string): Mailbox {
  let mails: Mail[] = [];
  /** What is before it in `mails` is done with. */
  let head = 0;
  /** What is before it is on its way. */
  let sent = 0;
  let bytes = 0, sentBytes = 0;
  let last = 0;
  /** Nothing is too old before this time. */
  let soonest = Infinity;
  /** Those that may be sent again. */
  const known = new Set<string>();

  function forget({ again }: Mail): void {
    if (again !== undefined) known.delete(again);
  }

  /** Gives back the room of what is done with, now and then. */
  function tidy(): void {
    if (head < 1000 || head < mails.length / 2) return;
    mails = mails.slice(head);
    sent -= head;
    head = 0;
  }

  /** Takes out those that wait and are to go. */
  function remove(isToGo: (mail: Mail) => boolean): Mail[] {
    const gone: Mail[] = [], kept: Mail[] = [];
    soonest = Infinity;
    for (let i = head; i < mails.length; i++) {
      const mail = mails[i];
      if (mail === undefined) break;
      if (i >= sent && isToGo(mail)) {
        gone.push(mail);
        bytes -= mail.bytes;
        forget(mail);
      } else {
        kept.push(mail);
        if (mail.until < soonest) soonest = mail.until;
      }
    }
    mails = kept;
    sent -= head;
    head = 0;
    return gone;
  }

  return {
    name,
    get size() {
      return mails.length - head;
    },
    get bytes() {
      return bytes;
    },
    get last() {
      return last;
    },
    put(mail) {
      // Nothing else is ever changed in the list: who goes through it has it as it was.
      mails.push(mail);
      last = mail.n;
      bytes += mail.bytes;
      if (mail.again !== undefined) known.add(mail.again);
      if (mail.until < soonest) soonest = mail.until;
    },
    has: (again) => known.has(again),
    next() {
      const mail = mails[sent];
      if (mail === undefined || sent - head >= WINDOW_MESSAGES) return undefined;
      if (sent > head && sentBytes + mail.bytes > WINDOW_BYTES) return undefined;
      sent++;
      sentBytes += mail.bytes;
      return mail;
    },
    rewind() {
      sent = head;
      sentBytes = 0;
    },
    clockSet(by, behind) {
      mails = mails.map((mail) => mail.n > behind ? { ...mail, until: mail.until + by } : mail);
      soonest = -Infinity; // the next look finds out
    },
    takeWaiting() {
      const waiting = mails.slice(sent);
      mails = mails.slice(0, sent);
      for (const mail of waiting) {
        bytes -= mail.bytes;
        forget(mail);
      }
      return waiting;
    },
    confirm(n) {
      const before = head;
      for (let mail = mails[head]; mail !== undefined && mail.n <= n; mail = mails[head]) {
        bytes -= mail.bytes;
        if (head < sent) sentBytes -= mail.bytes;
        forget(mail);
        head++;
      }
      if (sent < head) sent = head;
      const any = head > before;
      tidy();
      return any;
    },
    expire: (now) => now < soonest ? [] : remove(({ until }) => until <= now),
    takeOut: (numbers) => void remove(({ n }) => numbers.has(n)),
    *[Symbol.iterator]() {
      const now = mails, end = mails.length;
      for (let i = head; i < end; i++) {
        const mail = now[i];
        if (mail !== undefined) yield mail;
      }
    },
  };
}
