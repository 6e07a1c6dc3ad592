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

import { lineOf } from "../bytes.ts";
import { type Json, type JsonObject, type Message, MessageError } from "../message.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { LedgerLine } from "./ledger_line.ts";
import { createMailNotices } from "./mail_notices.ts";
import { createMailStore, type KeptMailbox, type MailStore } from "./mail_store.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";

/** Most mailboxes of a hub. */
const MAX_MAILBOXES = 1000;
/** All mailboxes together hold this many times what one may. */
const TOGETHER = 16;
/** How often it is noted that an owner is here, as a share of the time after which a mailbox is closed. */
const NOTED = 1 / 100;

/** All mailboxes: what is kept of them, see {@linkcode MailStore}, and who has to do with them. */
export interface Mailboxes
  extends Pick<MailStore, "id" | "bytes" | "lines" | "recall" | "begin" | "clockSet"> {
  /**
   * Whether the name may have a mailbox.
   *
   * @throws {MessageError} `mailbox-full` if there are too many.
   */
  check(name: string, id: string | undefined): void;
  /** The mailbox of a name, if it has one. */
  get(name: string): Mailbox | undefined;
  /** Takes in what a ledger holds that could not be opened before, see {@linkcode MailStore}. */
  adopt(lines: readonly LedgerLine[]): void;
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
}

/** Parts of the hub that mailboxes work with. */
export interface MailboxParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
  /** Sees whether the clock was set, before something goes by it. */
  readonly lookAtClock: () => void;
}

/** Makes the mailboxes of a hub; there is none yet. */
export function createMailboxes(parts: MailboxParts): Mailboxes {
  const { settings, counters, post, lookAtClock } = parts;
  const { clock, log, mailboxMessages, mailboxBytes, mailboxAgeSec } = settings;
  const notices = createMailNotices(parts);
  const store = createMailStore(settings);
  /** Who gets the mail of a name, of those that are here. */
  const owners = new Map<string, Client>();

  /** The mailbox of a client that is its owner. */
  function ofOwner(client: Client): KeptMailbox | undefined {
    const name = client.mailbox?.name;
    return name !== undefined && owners.get(name) === client ? store.get(name) : undefined;
  }

  function expire({ box }: KeptMailbox, now: number, why: string): void {
    notices.undelivered(box.name, store.expire(box, now), why);
  }

  function give(box: Mailbox): void {
    const owner = owners.get(box.name);
    if (owner === undefined) return;
    while (!owner.gone) {
      const mail = box.next();
      if (mail === undefined) return;
      post.send(owner, post.next(), lineOf(`${mail.text.slice(0, -1)},"_mail":${mail.n}}`));
    }
  }

  return {
    get bytes() {
      return store.bytes;
    },
    get id() {
      return store.id;
    },
    lines: store.lines,
    recall: store.recall,
    begin: store.begin,
    clockSet: store.clockSet,
    adopt(lines) {
      store.adopt(lines);
      for (const [, { box }] of store.all()) give(box);
      post.settle();
    },
    check(name, re) {
      if (store.get(name) !== undefined || store.size < MAX_MAILBOXES) return;
      const text = `Cannot join as durable: this hub has ${store.size} mailboxes already; ` +
        "_mailboxes lists them, and _close_mailbox closes one whose owner is away";
      throw new MessageError("mailbox-full", text, "durable", re);
    },
    get: (name) => store.get(name)?.box,
    arrive(client, name) {
      lookAtClock();
      const now = clock();
      const known = store.get(name);
      if (known !== undefined) expire(known, now, "it was away for too long");
      owners.set(name, client);
      const { box } = store.use(name, now);
      client.mailbox = box;
      return box;
    },
    give(client) {
      const kept = ofOwner(client);
      if (kept !== undefined) give(kept.box);
      post.settle();
    },
    got(client, n) {
      const box = ofOwner(client)?.box;
      if (box === undefined || !store.confirm(box, n)) return;
      if (box.size < mailboxMessages / 2 && box.bytes < mailboxBytes / 2) notices.hasRoom(box);
      give(box);
      post.settle();
    },
    leave(client) {
      const kept = ofOwner(client);
      if (kept === undefined) return;
      const { name } = kept.box;
      owners.delete(name);
      store.use(name, clock());
      kept.box.rewind();
    },
    checkRoom(box, message, bytes) {
      if (store.get(box.name) === undefined) return;
      const why = box.size >= mailboxMessages
        ? `${box.size} messages wait for it already`
        : box.bytes + bytes > mailboxBytes
        ? `${box.bytes} bytes wait for it already`
        : store.bytes + bytes > TOGETHER * mailboxBytes
        ? `${store.bytes} bytes of mail wait in all already`
        : undefined;
      if (why !== undefined) throw notices.full(box, owners.has(box.name), message, why);
    },
    put(box, message, text, bytes) {
      lookAtClock();
      if (store.get(box.name) === undefined || !store.put(box, message, text, bytes)) return;
      counters.mailed++;
      give(box);
    },
    tick(now) {
      for (const [name, kept] of store.all()) {
        expire(kept, now, "it did not come for it in time");
        // Should the hub end now, the next one is to know until when its owner was here, or about so.
        if (owners.has(name) && now - kept.used >= mailboxAgeSec * 1000 * NOTED) {
          store.use(name, now);
        }
        const unused = !owners.has(name) && kept.box.size === 0 &&
          now - kept.used >= mailboxAgeSec * 1000;
        if (!unused) continue;
        store.drop(name);
        log.info(`The mailbox of "${name}" is closed: nobody came for so long as mail is kept`);
      }
    },
    close(name, re) {
      const kept = store.get(name);
      if (kept === undefined) {
        const text = `Cannot close the mailbox of "${name}": it has none`;
        throw new MessageError("unknown-client", text, "name", re);
      }
      if (owners.has(name)) {
        const text = `Cannot close the mailbox of "${name}": its owner is here, and uses it`;
        throw new MessageError("denied", text, "name", re);
      }
      store.drop(name);
      notices.undelivered(name, [...kept.box], "its mailbox was closed");
      return kept.box.size;
    },
    entries: () =>
      [...store.all()].map(([name, { box, used }]): { [field: string]: Json } => ({
        name,
        here: owners.has(name),
        lastHere: (owners.has(name) ? clock() : used) / 1000,
        waiting: box.size,
        bytes: box.bytes,
      })),
    stats() {
      let waiting = 0;
      for (const [, { box }] of store.all()) waiting += box.size;
      return { names: store.size, waiting, bytes: store.bytes };
    },
  };
}
