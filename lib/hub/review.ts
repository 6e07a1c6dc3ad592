// The rights file or the key has changed: what that means for those who are in already.

import type { Client } from "./client.ts";
import type { Leaving } from "./leaving.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Roster } from "./roster.ts";

/** Parts of the hub that a review works with. */
export interface ReviewParts {
  readonly settings: Settings;
  readonly roster: Roster;
  readonly post: Post;
  readonly leaving: Leaving;
}

/** Makes what looks at everybody again; `isNewKey`: what the others have shown is worth nothing. */
export function createReview(parts: ReviewParts): (isNewKey: boolean) => void {
  const { settings, roster, post, leaving } = parts;
  const { door } = settings;
  if (door === undefined) return () => {};

  /** Takes back what it may not have any more, and says so. */
  function narrow(client: Client): void {
    const { rights } = client;
    if (rights === undefined) return;
    for (const topic of [...client.topics]) {
      const why = rights.subscribe(topic);
      if (why === undefined) continue;
      client.topics.delete(topic);
      leaving.refuse(client, "denied", `No longer subscribed to "${topic}": ${why}`);
    }
    roster.subscribers.changed();
    const why = rights.ask("_spy");
    if (why === undefined || !post.spies.has(client)) return;
    post.spies.remove(client);
    leaving.refuse(client, "denied", `No longer spying: ${why}`);
  }

  return (isNewKey) => {
    for (const client of [...roster.all]) {
      const { key } = client;
      const name = client.name ?? client.waiting?.init.name;
      if (client.gone || name === undefined) continue;
      if (isNewKey && key !== undefined) {
        leaving.turnAway(client, "denied", "Closed: the hub has a new key; join again with that");
        continue;
      }
      const pass = door.pass(key);
      const why = typeof pass === "string" ? pass : pass.rights?.name(name);
      if (typeof pass === "string" || why !== undefined) {
        leaving.turnAway(client, "denied", `Closed: ${why}`);
        continue;
      }
      client.rights = pass.rights;
      narrow(client);
    }
  };
}
