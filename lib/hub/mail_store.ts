// What is kept of mail: the mailboxes and what is in them, each change of it a line in the ledger, if the
// hub has one; and how it is all there again after a restart.

import type { Message } from "../message.ts";
import { encodeLine, type LedgerLine, mailLine } from "./ledger_line.ts";
import { createMailbox, type Mail, type Mailbox } from "./mailbox.ts";
import type { Settings } from "./options.ts";
import type { ClockSet } from "../set_clock.ts";

/**
 * Numbers of mail begin so much higher at each start: those that were given before a crash, and were
 * not on the disk, are not given again to something else.
 */
const LEAP = 1e9;
/** A clock that tells more is wrong: half of the numbers that there are, in the year 2112. */
const MOST_BY_CLOCK = 2 ** 52;

const encoder = new TextEncoder();

/** A mailbox that is kept. */
export interface KeptMailbox {
  readonly box: Mailbox;
  /** When its owner was last here, in milliseconds since 1970. */
  used: number;
}

/** All mailboxes, as they are kept. */
export interface MailStore {
  /** Changes when the mailboxes are not those that they were: numbers begin anew. */
  readonly id: string;
  /** How many there are. */
  readonly size: number;
  /** Bytes of all mail. */
  readonly bytes: number;
  get(name: string): KeptMailbox | undefined;
  /** By name. */
  all(): Iterable<[string, KeptMailbox]>;
  /** The owner is here: its mailbox, made if there was none. */
  use(name: string, now: number): KeptMailbox;
  /** Puts in a message, with a new number; `false`: it waits there already, sent before under its id. */
  put(box: Mailbox, message: Message, text: string, bytes: number): boolean;
  /** All up to this number have arrived; returns whether there were any. */
  confirm(box: Mailbox, n: number): boolean;
  /** Takes out what is too old. */
  expire(box: Mailbox, now: number): readonly Mail[];
  /** Keeps this one no more. */
  drop(name: string): void;
  /**
   * What the ledger is to hold of them. It may be gone through bit by bit: what is changed meanwhile is
   * in it or not, and is right once the lines that were appended since are recalled behind it.
   */
  lines(): Iterable<string>;
  /** Takes in a line of the ledger. */
  recall(line: LedgerLine): void;
  /**
   * Takes in what a ledger holds that could not be opened before: what was sent to a name earlier goes
   * before what waits for it since, as far as that is not on its way.
   */
  adopt(lines: readonly LedgerLine[]): void;
  /** The clock was set: what came in this run of the hub by the old one goes by the new one. */
  clockSet(set: ClockSet): void;
  /** All lines are recalled: what was too old goes, and from now on mail gets new numbers. */
  begin(): void;
}

/**
 * What a message with `ack` is known by when it comes again. Its time belongs to it: a program that
 * counts its ids from 1 at each start does not send the old messages again.
 */
function sentAgainAs({ ack, from, id, time }: Message): string | undefined {
  return ack === true ? `${from}\n${id}\n${time}` : undefined;
}

/** Makes one with no mailboxes. */
export function createMailStore(settings: Settings): MailStore {
  const { clock, ledger, mailboxAgeSec, newId } = settings;
  const all = new Map<string, KeptMailbox>();
  let id = newId();
  let last = 0;
  /** What has a higher number came in this run of the hub. */
  let recalled = 0;
  let totalBytes = 0;
  /** Numbers of mail that is recalled and was too old: it goes once all is recalled. */
  let old = new Set<number>();

  function append(line: Parameters<typeof encodeLine>[0]): void {
    ledger?.append(encodeLine(line));
  }

  function open(name: string, used: number): KeptMailbox {
    const kept = { box: createMailbox(name), used };
    all.set(name, kept);
    return kept;
  }

  function confirm(box: Mailbox, n: number): boolean {
    const before = box.bytes;
    const any = box.confirm(n);
    totalBytes -= before - box.bytes;
    return any;
  }

  function forget(name: string): void {
    totalBytes -= all.get(name)?.box.bytes ?? 0;
    all.delete(name);
  }

  return {
    get id() {
      return id;
    },
    get size() {
      return all.size;
    },
    get bytes() {
      return totalBytes;
    },
    get: (name) => all.get(name),
    all: () => all,
    use(name, now) {
      const kept = all.get(name) ?? open(name, now);
      kept.used = now;
      append({ is: "mailbox", of: name, used: now });
      return kept;
    },
    put(box, message, text, bytes) {
      const { from = "", cmd, id, expires = Infinity } = message;
      const again = sentAgainAs(message);
      // Sent again, as the hub ended before its sender had the receipt: it waits already, in its place.
      if (again !== undefined && box.has(again)) return false;
      const n = ++last;
      const until = clock() + Math.ceil(Math.min(expires, mailboxAgeSec) * 1000);
      box.put({ n, text, bytes, until, from, cmd, id, again });
      totalBytes += bytes;
      ledger?.append(mailLine(box.name, n, until, text));
      return true;
    },
    confirm(box, n) {
      if (!confirm(box, n)) return false;
      append({ is: "got", of: box.name, n });
      return true;
    },
    expire(box, now) {
      const before = box.bytes;
      const gone = box.expire(now);
      totalBytes -= before - box.bytes;
      // Their senders are told once, and not by the next hub again.
      if (gone.length > 0) append({ is: "old", of: box.name, all: gone.map(({ n }) => n) });
      return gone;
    },
    drop(name) {
      forget(name);
      append({ is: "no mailbox", of: name });
    },
    *lines() {
      yield encodeLine({ is: "ledger", id, last });
      for (const name of [...all.keys()]) {
        const kept = all.get(name);
        if (kept === undefined) continue;
        yield encodeLine({ is: "mailbox", of: name, used: kept.used });
        for (const { n, until, text } of kept.box) yield mailLine(name, n, until, text);
      }
    },
    recall(line) {
      switch (line.is) {
        case "ledger":
          id = line.id;
          last = Math.max(last, line.last);
          break;
        case "mailbox": {
          const kept = all.get(line.of) ?? open(line.of, line.used);
          kept.used = line.used;
          break;
        }
        case "mail": {
          const { of, n, until, m } = line;
          const { box } = all.get(of) ?? open(of, clock());
          // It was put in while the ledger was written anew, and is there already, or done with.
          if (n <= box.last) break;
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
          const kept = all.get(line.of);
          if (kept !== undefined) confirm(kept.box, line.n);
          break;
        }
        case "old":
          for (const n of line.all) old.add(n);
          break;
        case "no mailbox":
          forget(line.of);
          break;
        default:
          break;
      }
    },
    adopt(lines) {
      const earlier = createMailStore({ ...settings, ledger: undefined });
      for (const line of lines) earlier.recall(line);
      earlier.begin();
      for (const [name, { box: before, used }] of earlier.all()) {
        const { box } = all.get(name) ?? open(name, used);
        totalBytes -= box.bytes;
        const waiting = box.takeWaiting();
        for (const mail of [...before, ...waiting]) {
          // Its sender had no receipt, and has sent it again since.
          if (mail.again !== undefined && box.has(mail.again)) continue;
          box.put({ ...mail, n: ++last });
        }
        totalBytes += box.bytes;
      }
    },
    clockSet({ by, began, ended }) {
      for (const kept of all.values()) {
        kept.box.clockSet(by, recalled);
        if (kept.used >= began && kept.used <= ended) kept.used += by;
      }
    },
    begin() {
      if (old.size > 0) {
        for (const { box } of all.values()) {
          totalBytes -= box.bytes;
          box.takeOut(old);
          totalBytes += box.bytes;
        }
        old = new Set();
      }
      recalled = last;
      // The leap alone is not known to the next hub if this one ends before it is on the disk.
      const byClock = Math.floor(clock()) * 1000;
      last = Math.max(last + LEAP, byClock < MOST_BY_CLOCK ? byClock : 0);
      append({ is: "ledger", id, last });
    },
  };
}
