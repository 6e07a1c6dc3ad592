// Mail: what is sent to the name of a durable client waits until the client confirms it, while it is
// away and through a restart of the hub.
//
// A message goes out with a number in `_mail`; the client answers `_got` with that number when it has
// all up to there. What it has not confirmed it gets again when it is back: at least once, in order.
//
// The bounds, and what happens at each:
//   a mailbox has too many messages or bytes    the sender gets `mailbox-full`; the message goes nowhere
//   all mailboxes together have too many bytes  the same
//   a message is older than `expires`, or than the hub keeps mail   it is taken out; the sender, if it
//                                               is here and gave an `id`, gets `undelivered`
//   there are too many mailboxes                the joining of a new one is refused, `mailbox-full`
//   nobody came for an empty mailbox for so long as mail is kept    it is closed

import { type Json, type JsonObject, type Message, MessageError } from "../message.ts";
import { NOTHING } from "../transport/transport.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import { encodeLine, type LedgerLine, mailLine } from "./ledger_line.ts";
import { createMailNotices } from "./mail_notices.ts";
import { createMailbox, type Mailbox } from "./mailbox.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";

/** Most mailboxes of a hub. */
const MAX_MAILBOXES = 1000;
/** All mailboxes together hold this many times what one may. */
const TOGETHER = 16;
/**
 * Numbers of mail begin so much higher at each start: those that were given before a crash, and were
 * not on the disk, are not given again to something else.
 */
const LEAP = 1e9;

const encoder = new TextEncoder();

/** A mailbox and whose it is. */
interface Owned {
  readonly box: Mailbox;
  /** Who gets its mail, if the owner is here. */
  owner: Client | undefined;
  /** When the owner was last here, in milliseconds since 1970. */
  used: number;
}

/** All mailboxes. */
export interface Mailboxes {
  /** Bytes of all mail. */
  readonly bytes: number;
  /**
   * Whether the name may have a mailbox.
   *
   * @throws {MessageError} `mailbox-full` if there are too many.
   */
  check(name: string, id: string | undefined): void;
  /** The mailbox of a name, if it has one. */
  get(name: string): Mailbox | undefined;
  /** A durable client has joined under the name: its mailbox is this, made if there was none. */
  arrive(client: Client, name: string): Mailbox;
  /** Gives a durable client what waits for it, as far as it may. */
  give(client: Client): void;
  /** The client has all mail up to this number. */
  got(client: Client, n: number): void;
  /** The client is gone; its mail waits. */
  leave(client: Client): void;
  /**
   * Whether there is room for a message.
   *
   * @throws {MessageError} `mailbox-full`.
   */
  checkRoom(box: Mailbox, message: Message, bytes: number): void;
  /** Puts a message in, and gives it to the owner, if it is here and may have more now. */
  put(box: Mailbox, message: Message, text: string, bytes: number): void;
  /** Takes out what is too old. */
  tick(now: number): void;
  /**
   * Closes a mailbox; what is in it is not delivered.
   *
   * @returns How many messages that was.
   * @throws {MessageError} `unknown-client` if there is no such mailbox, `denied` if its owner is here.
   */
  close(name: string, re: string | undefined): number;
  /** What `_mailboxes` tells. */
  entries(): JsonObject[];
  stats(): { readonly names: number; readonly waiting: number; readonly bytes: number };
  /** What the ledger is to hold of them. */
  lines(): Iterable<string>;
  /** Takes in a line of the ledger. */
  recall(line: LedgerLine): void;
  /** All lines are recalled: from now on mail gets new numbers. */
  begin(): void;
  /** Changes when the mailboxes are not those that they were: numbers begin anew. */
  readonly id: string;
}

/** Parts of the hub that mailboxes work with. */
export interface MailboxParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
}

/**
 * What a message with `ack` is known by when it comes again. Its time belongs to it: a program that
 * counts its ids from 1 at each start does not send the old messages again.
 */
function sentAgainAs({ ack, from, id, time }: Message): string | undefined {
  return ack === true ? `${from}\n${id}\n${time}` : undefined;
}

/** Makes the mailboxes of a hub; there is none yet. */
export function createMailboxes(parts: MailboxParts): Mailboxes {
  const { settings, counters, post } = parts;
  const { clock, log, ledger, mailboxMessages, mailboxBytes, mailboxAgeSec } = settings;
  const notices = createMailNotices(parts);
  const all = new Map<string, Owned>();
  let id = settings.newId();
  let last = 0;
  let totalBytes = 0;

  function append(line: Parameters<typeof encodeLine>[0]): void {
    ledger?.append(encodeLine(line));
  }

  function open(name: string, used: number): Owned {
    const owned = { box: createMailbox(name), owner: undefined, used };
    all.set(name, owned);
    return owned;
  }

  function confirm({ box }: Owned, n: number): boolean {
    const before = box.bytes;
    const any = box.confirm(n);
    totalBytes -= before - box.bytes;
    return any;
  }

  function expire({ box }: Owned, now: number, why: string): void {
    const before = box.bytes;
    const old = box.expire(now);
    totalBytes -= before - box.bytes;
    notices.undelivered(box.name, old, why);
  }

  function give({ box, owner }: Owned): void {
    if (owner === undefined) return;
    while (!owner.gone) {
      const mail = box.next();
      if (mail === undefined) return;
      const bytes = encoder.encode(`${mail.text.slice(0, -1)},"_mail":${mail.n}}`);
      post.send(owner, post.next(), bytes, 0, bytes.length, NOTHING);
    }
  }

  function drop(name: string, { box }: Owned): void {
    all.delete(name);
    totalBytes -= box.bytes;
    append({ is: "no mailbox", of: name });
  }

  return {
    get bytes() {
      return totalBytes;
    },
    get id() {
      return id;
    },
    check(name, re) {
      if (all.has(name) || all.size < MAX_MAILBOXES) return;
      const text = `Cannot join as durable: this hub has ${all.size} mailboxes already; ` +
        "_mailboxes lists them, and _close_mailbox closes one whose owner is away";
      throw new MessageError("mailbox-full", text, "durable", re);
    },
    get: (name) => all.get(name)?.box,
    arrive(client, name) {
      const now = clock();
      const known = all.get(name);
      const owned = known ?? open(name, now);
      expire(owned, now, "it was away for too long");
      owned.owner = client;
      owned.used = now;
      append({ is: "mailbox", of: name, used: now });
      client.mailbox = owned.box;
      return owned.box;
    },
    give(client) {
      const owned = client.mailbox && all.get(client.mailbox.name);
      if (owned?.owner === client) give(owned);
      post.settle();
    },
    got(client, n) {
      const owned = client.mailbox && all.get(client.mailbox.name);
      if (owned === undefined || owned.owner !== client || !confirm(owned, n)) return;
      append({ is: "got", of: owned.box.name, n });
      const { size, bytes } = owned.box;
      if (size < mailboxMessages / 2 && bytes < mailboxBytes / 2) notices.hasRoom(owned.box);
      give(owned);
      post.settle();
    },
    leave(client) {
      const owned = client.mailbox && all.get(client.mailbox.name);
      if (owned?.owner !== client) return;
      owned.owner = undefined;
      owned.used = clock();
      owned.box.rewind();
    },
    checkRoom(box, message, bytes) {
      const owned = all.get(box.name);
      if (owned === undefined) return;
      const why = box.size >= mailboxMessages
        ? `${box.size} messages wait for it already`
        : box.bytes + bytes > mailboxBytes
        ? `${box.bytes} bytes wait for it already`
        : totalBytes + bytes > TOGETHER * mailboxBytes
        ? `${totalBytes} bytes of mail wait in all already`
        : undefined;
      if (why !== undefined) throw notices.full(box, owned.owner !== undefined, message, why);
    },
    put(box, message, text, bytes) {
      const owned = all.get(box.name);
      if (owned === undefined) return;
      const { from = "", cmd, id, expires = Infinity } = message;
      const again = sentAgainAs(message);
      // Sent again, as the hub ended before its sender had the receipt: it waits already, in its place.
      if (again !== undefined && box.has(again)) return;
      const n = ++last;
      const until = clock() + Math.ceil(Math.min(expires, mailboxAgeSec) * 1000);
      box.put({ n, text, bytes, until, from, cmd, id, again });
      totalBytes += bytes;
      counters.mailed++;
      ledger?.append(mailLine(box.name, n, until, text));
      give(owned);
    },
    tick(now) {
      for (const [name, owned] of all) {
        expire(owned, now, "it did not come for it in time");
        const unused = owned.owner === undefined && owned.box.size === 0 &&
          now - owned.used >= mailboxAgeSec * 1000;
        if (!unused) continue;
        drop(name, owned);
        log.info(`The mailbox of "${name}" is closed: nobody came for so long as mail is kept`);
      }
    },
    close(name, re) {
      const owned = all.get(name);
      if (owned === undefined) {
        const text = `Cannot close the mailbox of "${name}": it has none`;
        throw new MessageError("unknown-client", text, "name", re);
      }
      if (owned.owner !== undefined) {
        const text = `Cannot close the mailbox of "${name}": its owner is here, and uses it`;
        throw new MessageError("denied", text, "name", re);
      }
      drop(name, owned);
      notices.undelivered(name, [...owned.box], "its mailbox was closed");
      return owned.box.size;
    },
    entries: () =>
      [...all.values()].map(({ box, owner, used }): { [field: string]: Json } => ({
        name: box.name,
        here: owner !== undefined,
        lastHere: (owner === undefined ? used : clock()) / 1000,
        waiting: box.size,
        bytes: box.bytes,
      })),
    stats() {
      let waiting = 0;
      for (const { box } of all.values()) waiting += box.size;
      return { names: all.size, waiting, bytes: totalBytes };
    },
    *lines() {
      yield encodeLine({ is: "ledger", id, last });
      for (const [name, { box, used }] of all) {
        yield encodeLine({ is: "mailbox", of: name, used });
        for (const { n, until, text } of box) yield mailLine(name, n, until, text);
      }
    },
    recall(line) {
      switch (line.is) {
        case "ledger":
          id = line.id;
          last = Math.max(last, line.last);
          break;
        case "mailbox": {
          const owned = all.get(line.of) ?? open(line.of, line.used);
          owned.used = line.used;
          break;
        }
        case "mail": {
          const { of, n, until, m } = line;
          const { box } = all.get(of) ?? open(of, clock());
          const text = JSON.stringify(m);
          const bytes = encoder.encode(text).length;
          box.put({
            ...{ n, text, bytes, until },
            ...{ from: m.from ?? "", cmd: m.cmd, id: m.id, again: sentAgainAs(m) },
          });
          totalBytes += bytes;
          last = Math.max(last, n);
          break;
        }
        case "got": {
          const owned = all.get(line.of);
          if (owned !== undefined) confirm(owned, line.n);
          break;
        }
        case "no mailbox":
          totalBytes -= all.get(line.of)?.box.bytes ?? 0;
          all.delete(line.of);
          break;
        default:
          break;
      }
    },
    begin() {
      last += LEAP;
      append({ is: "ledger", id, last });
    },
  };
}
