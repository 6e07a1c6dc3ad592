// Who is in the hub and what each says of itself, as far as the controller knows: what the probes
// `client` and `status` ask.

import type { Client, Off } from "../client.ts";
import { clientOf, type Program } from "../experiment/program.ts";
import type { Log } from "../log.ts";
import type { Json } from "../message.ts";
import type { ProgramStatus } from "../status/program_status.ts";

type Fields = { readonly [field: string]: Json | undefined };

/** What a client has said of itself last. */
export interface Said {
  readonly state: string;
  readonly text?: string;
  /** Unix time in seconds, by the hub's clock, since when it is in this state. */
  readonly since: number;
  /** When it said so last, on the controller's monotonic clock, in milliseconds. */
  readonly at: number;
}

/** Who is in the hub. */
export interface Presence extends Disposable {
  /** Whether anything is known: without a hub, or while it does not answer, nobody knows who is there. */
  readonly known: boolean;
  has(name: string): boolean;
  /** What a client that is there has said of itself; `undefined`: nothing. */
  said(name: string): Said | undefined;
  /** Asks the hub how recent it all is; what it answers is there a little later. */
  refresh(): void;
}

/** A hub that has not answered for so long is away, or busy with something else, in milliseconds. */
const SILENT_MS = 1000;

/** What a message, of this hub time, says of a client's status; `undefined`: nothing. */
function readSaid(fields: Fields, time: number, now: number): Said | undefined {
  const { state, text, since, at } = fields;
  if (typeof state !== "string" || typeof since !== "number") return undefined;
  const age = typeof at === "number" ? Math.max(0, time - at) : 0;
  return { state, ...(typeof text === "string" ? { text } : {}), since, at: now - age * 1000 };
}

/**
 * Follows who comes and goes; `changed` is called after each change, with the name of the client if
 * it is one alone.
 */
export function watchPresence(
  client: Pick<Client, "addEventListener" | "hub" | "joined" | "request" | "subscribe"> | undefined,
  log: Log,
  now: () => number,
  changed: (name?: string) => void,
): Presence {
  const names = new Map<string, Said | undefined>();
  const offs: Off[] = [];
  let known = false;
  /**
   * What the hub has told since it was asked. What comes right behind its answer may be here before
   * that is: all of it is done once more on top of the answer, which changes nothing that was in it.
   */
  let told: (() => void)[] | undefined;
  let askedAt = 0;

  async function ask(): Promise<void> {
    if (client === undefined || told !== undefined) return;
    const since: (() => void)[] = told = [];
    askedAt = now();
    try {
      const answer = await client.request({ cmd: "_clients" });
      const entries = Array.isArray(answer.clients) ? answer.clients : [];
      names.clear();
      for (const entry of entries) {
        if (typeof entry !== "object" || entry === null || Array.isArray(entry)) continue;
        const { name, status } = entry;
        const fields = typeof status === "object" && status !== null && !Array.isArray(status)
          ? status
          : {};
        if (typeof name === "string") names.set(name, readSaid(fields, answer.time ?? 0, now()));
      }
      for (const change of since) change();
      known = client.joined;
      changed();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.debug(`Cannot learn who is in the hub: ${why}`);
    } finally {
      told = undefined;
    }
  }

  /** The hub tells of each change; all of it is asked for only once. */
  function follow(topic: string, change: (name: string, fields: Fields) => void): void {
    if (client === undefined) return;
    offs.push(client.subscribe(topic, (message) => {
      const { name, from } = message;
      if (from !== "_hub" || typeof name !== "string") return;
      const apply = () => change(name, message);
      apply();
      told?.push(apply);
      changed(name);
    }));
  }

  function come(): void {
    log.info(`in hub ${client?.hub?.name} at ${client?.hub?.address}`);
    ask();
  }

  if (client !== undefined) {
    follow("_hub/joined", (name) => names.set(name, undefined));
    follow("_hub/left", (name) => names.delete(name));
    follow("_hub/status", (name, fields) => {
      const { time } = fields;
      names.set(name, readSaid(fields, typeof time === "number" ? time : 0, now()));
    });
    offs.push(
      client.addEventListener("joined", come),
      client.addEventListener("lost", ({ reason }) => {
        known = false;
        log.warn(`the hub is lost (${reason}); the programs go on`);
        changed();
      }),
    );
    if (client.joined) come();
  }
  return {
    get known() {
      return known && (told === undefined || now() - askedAt <= SILENT_MS);
    },
    has: (name) => names.has(name),
    said: (name) => names.get(name),
    refresh: () => void ask(),
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}

/** What a program's client in the hub says of itself. */
export function saidOf(program: Program, presence: Presence): ProgramStatus["said"] {
  const said = presence.said(clientOf(program));
  if (said === undefined) return undefined;
  const { state, text, since } = said;
  return { state, text, since };
}
