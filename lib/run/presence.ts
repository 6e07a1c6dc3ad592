// Who is in the hub, as far as the controller knows: what the probe `client` asks.

import type { Client, Off } from "../client.ts";
import type { Log } from "../log.ts";

/** Who is in the hub. */
export interface Presence extends Disposable {
  /** Whether anything is known: without a hub nobody knows who is there. */
  readonly known: boolean;
  has(name: string): boolean;
}

/** Follows who comes and goes; `changed` is called after each change. */
export function watchPresence(
  client: Client | undefined,
  log: Log,
  changed: () => void,
): Presence {
  const names = new Set<string>();
  const offs: Off[] = [];
  let known = false;

  async function ask(): Promise<void> {
    if (client === undefined) return;
    try {
      const clients = await client.clients();
      names.clear();
      for (const { name } of clients) names.add(name);
      known = client.joined;
      changed();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.debug(`Cannot learn who is in the hub: ${why}`);
    }
  }

  if (client !== undefined) {
    for (const topic of ["_hub/joined", "_hub/left"]) offs.push(client.subscribe(topic, ask));
    offs.push(
      client.addEventListener("joined", ({ hub, address }) => {
        log.info(`in hub ${hub} at ${address}`);
        ask();
      }),
      client.addEventListener("lost", ({ reason }) => {
        known = false;
        log.warn(`the hub is lost (${reason}); the programs go on`);
        changed();
      }),
    );
    if (client.joined) ask();
  }
  return {
    get known() {
      return known;
    },
    has: (name) => names.has(name),
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}
