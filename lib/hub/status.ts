// What clients say of themselves: the last of it is kept, and told when it is another.

import type { StatusMessage } from "../message.ts";
import type { Client } from "./client.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";

/** Parts of the hub that are needed for it. */
export interface StatusParts {
  readonly settings: Settings;
  readonly post: Post;
}

/**
 * Keeps what a client says of itself. One that says the same again, as a sign of life, is not
 * repeated to all: how recent it is stands in `_clients`.
 */
export function takeStatus(
  client: Client,
  name: string,
  { state, text }: StatusMessage,
  { settings, post }: StatusParts,
): void {
  const at = settings.clock() / 1000;
  const before = client.status;
  const since = before?.state === state ? before.since : at;
  client.status = { state, ...(text === undefined ? {} : { text }), since, at };
  if (before?.state === state && before.text === text) return;
  post.publish("_hub/status", { cmd: "status", name, ...client.status });
}
