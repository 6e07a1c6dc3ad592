// Looking back: what the journal holds, page by page.

import { lineOf } from "../bytes.ts";
import { type HistoryQuery, HUB_NAME, MessageError } from "../message.ts";
import type { Client } from "./client.ts";
import type { Leaving } from "./leaving.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";

/** Most records in a page. */
const MAX_RECORDS = 1000;

/** Parts of the hub that looking back works with. */
export interface HistoryParts {
  readonly settings: Settings;
  readonly post: Post;
  readonly leaving: Leaving;
}

/**
 * Makes what answers `_history`, once the page is read. The page is neither spied on nor kept: it was
 * all seen before.
 */
export function createHistory(
  { settings, post, leaving }: HistoryParts,
): (client: Client, name: string, request: HistoryQuery) => void {
  const { journal, clock } = settings;

  return (client, name, request) => {
    const { id, since, until, after, through, only, limit = Infinity } = request;
    if (journal === undefined) {
      const text = "Cannot look back: this hub keeps no journal";
      throw new MessageError("unknown-command", text, "cmd", id);
    }
    if (client.reading) {
      const text = "Cannot look back: wait for the answer before you ask on";
      throw new MessageError("denied", text, undefined, id);
    }
    client.reading = true;
    const query = { ...only, since, until, after, through };
    const bounds = { limit: Math.min(MAX_RECORDS, Math.max(1, limit)) };
    journal.page(query, bounds).then(({ records, next }) => {
      client.reading = false;
      const head = JSON.stringify({
        cmd: "_history",
        from: HUB_NAME,
        to: name,
        time: clock() / 1000,
        re: id,
        next,
      });
      const page = `${head.slice(0, -1)},"records":[${records.join(",")}]}`;
      post.send(client, post.next(), lineOf(page));
      post.settle();
    }, (error) => {
      client.reading = false;
      const text = `Cannot look back: ${error instanceof Error ? error.message : error}`;
      if (!client.gone) leaving.refuse(client, "bad-message", text, id);
    });
  };
}
