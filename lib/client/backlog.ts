// Spying from a moment in the past on: what the hub kept, then what it routes, with no gap and no double.

import { HUB_NAME, type Json, type Message, type MessageFilter } from "../message.ts";
import type { Client } from "./contract.ts";
import { history } from "./history.ts";

/** Most live messages that are held while the last of the backlog is read. */
const MAX_HELD = 100_000;

/**
 * Shows what was routed since a moment, and then goes on with what is routed. Resolves when the
 * backlog is shown; from then on `show` is called as by `client.spy`. What was kept comes with the
 * moment in which the hub had it, in Unix time in seconds.
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
  // Most of it first: nothing has to be held meanwhile.
  await showKept();

  const id = crypto.randomUUID();
  let through: number | undefined;
  let held: Message[] | undefined = [];
  // The hub's answer tells the number after which everything comes live; what came before it is kept.
  const off = client.on("_ok", (ok) => {
    if (ok.re === id) through = ok.seq ?? 0;
  });
  client.spy(only, (message) => {
    if (through === undefined) return;
    if (held === undefined) return show(message);
    if (held.length >= MAX_HELD) throw new Error("Cannot hold more live messages; some are missed");
    held.push(message);
  });
  await client.request({ cmd: "_spy", on: true, only: only as Json | undefined, id }, { signal });
  off();
  await showKept(through);
  // What comes meanwhile comes behind these.
  for (const message of held) await show(message);
  held = undefined;
}

/** What a spy and its hub say to each other is no news to the spy. */
function isOwnProtocol(name: string, { cmd, from, to }: Message): boolean {
  return cmd.startsWith("_") && (from === name || (from === HUB_NAME && to === name));
}
