// What is said of mail that cannot be taken, or is not delivered: to its sender, and on `_hub/log`.

import { type Message, MessageError } from "../message.ts";
import type { Counters } from "./counters.ts";
import type { Mail, Mailbox } from "./mailbox.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";

/** Says what becomes of mail. */
export interface MailNotices {
  /** Mail was taken out of a mailbox: tells its senders, of those that are here, and gave an `id`. */
  undelivered(name: string, mails: readonly Mail[], why: string): void;
  /** The error for a message that a mailbox has no room for; said aloud the first time. */
  full(box: Mailbox, isHere: boolean, message: Message, why: string): MessageError;
  /** There is room again. */
  hasRoom(box: Mailbox): void;
}

/** Parts of the hub that notices work with. */
export interface NoticeParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly post: Post;
}

/** Makes what says it. */
export function createMailNotices({ settings, counters, roster, post }: NoticeParts): MailNotices {
  const { log } = settings;
  /** Mailboxes of which it was said that they are full. */
  const said = new WeakSet<Mailbox>();

  function warn(text: string): void {
    log.warn(text);
    post.publish("_hub/log", { cmd: "log", level: "warn", text });
  }

  return {
    undelivered(name, mails, why) {
      if (mails.length === 0) return;
      counters.undelivered += mails.length;
      for (const { from, cmd, id: re } of mails) {
        const sender = re === undefined ? undefined : roster.get(from);
        if (sender === undefined) continue;
        const text = `Cannot deliver ${cmd} to "${name}": ${why}`;
        post.tell(sender, { cmd: "_error", code: "undelivered", text, re });
      }
      const what = mails.length === 1 ? "1 message" : `${mails.length} messages`;
      warn(`Not delivered: ${what} for "${name}", as ${why}`);
    },
    full(box, isHere, { cmd, id }, why) {
      const where = isHere ? "is here, but does not confirm its mail" : "is away";
      if (!said.has(box)) {
        said.add(box);
        warn(`The mailbox of "${box.name}" is full: it ${where}, and ${why}`);
      }
      const text = `Cannot deliver ${cmd}: "${box.name}" ${where}, and ${why}`;
      return new MessageError("mailbox-full", text, "to", id);
    },
    hasRoom: (box) => void said.delete(box),
  };
}
