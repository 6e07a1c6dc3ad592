// Spying from a moment in the past on: what the hub kept, then what it routes, with no gap and no double.

import { HUB_NAME, type Json, type Message, type MessageFilter } from "../message.ts";
import type { Client } from "./contract.ts";
import { history } from "./history.ts";

/** Most live messages that are held while the last of the backlog is read. */
const MAX_HELD = 100_000;

/** Resolves once the client is in its hub; throws if the signal comes first. */
async function inHub(client: Client, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (client.joined) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const off = client.addEventListener("joined", () => resolve());
  const stopped = () => resolve();
  signal?.addEventListener("abort", stopped);
  await promise;
  off();
  signal?.removeEventListener("abort", stopped);
  signal?.throwIfAborted();
}

/**
 * Shows what was routed since a moment, and then goes on with what is routed. Resolves when the
 * backlog is shown; from then on `show` is called as by `client.spy`. What was kept comes with the
 * moment in which the hub had it, in Unix time in seconds. If the hub is lost meanwhile, it goes on when
 * it is back: from its journal, where it was.
 *
 * @param since Unix time in seconds.
 * @throws {RefusedError} If the hub keeps no journal.
 */
export async function spySince(
  client: Client,
  since: number,
  only: MessageFilter | undefined,
  show: (message: Message, at?: number) => void | Promise<void>,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const { signal } = options;
  let last: number | undefined;
  const showKept = async (through?: number) => {
    const query = { ...only, since, through, after: last };
    for await (const { seq, at, message } of history(client, query, { signal })) {
      last = seq;
      // What the hub keeps can wait for who reads it.
      if (!isOwnProtocol(client.name, message)) await show(message, at);
    }
  };

  let isLost = false;
  let through: number | undefined;
  let held: Message[] | undefined = [];
  const listening = client.addEventListener("lost", () => {
    // What was held is in the journal, and what comes first when the hub is back is, too.
    isLost = true;
    through = undefined;
    held = [];
  });

  /** Does it, again as long as the hub is lost meanwhile. */
  async function throughRestarts(doIt: () => Promise<void>): Promise<void> {
    do {
      await inHub(client, signal);
      isLost = false;
      try {
        await doIt();
      } catch (error) {
        if (!isLost || signal?.aborted) throw error;
      }
    } while (isLost);
  }

  const id = crypto.randomUUID();
  const ask = { cmd: "_spy", on: true, only: only as Json | undefined, id };
  try {
    // Most of it first: nothing has to be held meanwhile.
    await throughRestarts(() => showKept());

    // The hub's answer tells the number after which everything comes live; what came before it is kept.
    const off = client.on("_ok", (ok) => {
      if (ok.re === id) through = ok.seq ?? 0;
    });
    client.spy(only, (message) => {
      if (through === undefined) return;
      if (held === undefined) return show(message);
      if (held.length >= MAX_HELD) {
        throw new Error("Cannot hold more live messages; some are missed");
      }
      held.push(message);
    });
    await throughRestarts(async () => {
      await client.request(ask, { signal });
      await showKept(through);
    });
    off();
  } finally {
    listening();
  }
  // What comes meanwhile comes behind these.
  for (const message of held) await show(message);
  held = undefined;
}

/** What a spy and its hub say to each other is no news to the spy. */
function isOwnProtocol(name: string, { cmd, from, to }: Message): boolean {
  return cmd.startsWith("_") && (from === name || (from === HUB_NAME && to === name));
}
