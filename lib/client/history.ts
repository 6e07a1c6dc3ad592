// What a hub kept, asked for page by page: the next one when the last is used up.

import type { JournalQuery } from "../journal/query.ts";
import { type JournalRecord, recordFrom } from "../journal/record.ts";
import { asFromHub, type Json, type MessageFilter } from "../message.ts";
import type { Client } from "./contract.ts";

/** How long the hub may take for one page, in seconds. */
const PAGE_SEC = 60;

/**
 * The messages that the hub kept, oldest first, up to those that there are when it ends.
 *
 * @throws {RefusedError} If the hub keeps no journal, or does not show it.
 */
export async function* history(
  client: Client,
  query: JournalQuery,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<JournalRecord> {
  const { since, until, through, ...filter } = query;
  const { after: start, ...only } = filter;
  let after: number | null | undefined = start;
  do {
    const answer = await client.request({
      cmd: "_history",
      since,
      until,
      through,
      after,
      only: only as MessageFilter as Json,
    }, { timeoutSec: PAGE_SEC, signal: options.signal });
    const page = asFromHub(answer);
    if (page?.cmd !== "_history") throw new Error(`Cannot read the history: got ${answer.cmd}`);
    for (const value of page.records) {
      const record = recordFrom(value);
      if (record !== undefined) yield record;
    }
    after = page.next;
  } while (after !== null);
}
