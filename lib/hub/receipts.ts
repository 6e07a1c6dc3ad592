// Receipts: a message with "ack": true is answered with _ok once it is safe, that is, on the disk and
// handed to the queue or the mailbox of who it is for.
//
// All messages of one turn of the event loop wait together. When they cannot be made safe the answer is
// `not-safe`: they were handed over, but a crash may make the hub forget them. There is no _ok then.

import type { Message } from "../message.ts";
import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";

/** What becomes of acknowledged messages. */
export interface Receipts {
  /**
   * The message was routed: its sender is told when it is safe.
   *
   * @param seq Its number in the journal, or one before it.
   */
  await(client: Client, message: Message, handed: Handed, seq: number): void;
}

/** Where a message went. */
export interface Handed {
  /** To how many clients' queues. */
  readonly receivers: number;
  /** Whether a mailbox has it. */
  readonly mailbox: boolean;
  /** Whether the ledger has to have it: it is in a mailbox, or a topic's last value. */
  readonly inLedger: boolean;
}

interface Pending extends Handed {
  readonly client: Client;
  readonly re: string | undefined;
}

/** Parts of the hub that receipts work with. */
export interface ReceiptParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly post: Post;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Makes what sends receipts. */
export function createReceipts({ settings, counters, post }: ReceiptParts): Receipts {
  const { journal, ledger } = settings;
  let batch: Pending[] | undefined;

  function ok({ client, re, receivers, mailbox }: Pending): void {
    if (client.gone) return;
    counters.acknowledged++;
    post.tell(client, {
      cmd: "_ok",
      re,
      receivers,
      ...(mailbox ? { mailbox } : {}),
    }, { keep: false });
  }

  function notSafe({ client, re, receivers, mailbox }: Pending, why: string): void {
    counters.notSafe++;
    if (client.gone) return;
    const where = mailbox
      ? "in the mailbox"
      : `handed to ${receivers} ${receivers === 1 ? "client" : "clients"}`;
    const text = `Cannot say that it is safe: it is ${where}, but not on the disk: ${why}`;
    post.tell(client, { cmd: "_error", code: "not-safe", text, re }, { keep: false });
  }

  /** Why the disk does not have it; `undefined`: it has. */
  async function problem(synced: Promise<void> | undefined): Promise<string | undefined> {
    try {
      await synced;
    } catch (error) {
      return reasonOf(error);
    }
  }

  async function settle(all: readonly Pending[], since: number): Promise<void> {
    const some = all.some(({ inLedger }) => inLedger);
    const [inJournal, inLedger] = await Promise.all([
      journal === undefined ? "this hub keeps no journal" : problem(journal.synced(since)),
      !some
        ? undefined
        : ledger === undefined
        ? "this hub keeps no ledger"
        : problem(ledger.synced()),
    ]);
    for (const one of all) {
      const why = inJournal ?? (one.inLedger ? inLedger : undefined);
      if (why === undefined) ok(one);
      else notSafe(one, why);
    }
  }

  return {
    await(client, message, handed, seq) {
      const pending = { client, re: message.id, ...handed };
      if (batch !== undefined) {
        batch.push(pending);
        return;
      }
      const all = batch = [pending];
      queueMicrotask(() => {
        batch = undefined;
        void settle(all, seq);
      });
    },
  };
}
