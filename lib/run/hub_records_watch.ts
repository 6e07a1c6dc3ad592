// What the hub does not keep, as its disk is full or not there: an alarm, for who has the table before
// him and not the hub's log.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import type { Alarms } from "../status/alarms.ts";

/** The parts of it, and what is at stake. */
const PARTS = {
  journal: "what is said meanwhile cannot be looked up later",
  ledger: "mail and last values are lost if the hub ends",
} as const;

type Part = keyof typeof PARTS;

function isPart(value: unknown): value is Part {
  return typeof value === "string" && Object.hasOwn(PARTS, value);
}

/** Asks each time that the hub is joined, and hears of changes. */
export function watchHubRecords(options: {
  readonly client: Pick<Client, "joined" | "request" | "subscribe" | "addEventListener">;
  readonly alarms: Pick<Alarms, "raise" | "clear">;
  readonly log: Log;
}): Disposable {
  const { client, alarms, log } = options;
  /** What was heard of since the question under way was asked: its answer may be the older one. */
  const heard = new Set<Part>();

  function tell(part: Part, problem: string | undefined): void {
    const source = `hub's ${part}`;
    if (problem === undefined) alarms.clear(source, "it is kept");
    else alarms.raise(source, "critical", `${problem}; ${PARTS[part]}`);
  }

  async function ask(): Promise<void> {
    heard.clear();
    try {
      const stats = await client.request({ cmd: "_stats" });
      for (const part of ["journal", "ledger"] as const) {
        if (heard.has(part)) continue;
        const of = stats[part];
        const stopped = typeof of === "object" && of !== null && "stopped" in of ? of.stopped : "";
        tell(part, typeof stopped === "string" && stopped !== "" ? stopped : undefined);
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.debug(`Cannot learn what the hub keeps: ${why}`);
    }
  }

  const offs = [
    client.addEventListener("joined", () => void ask()),
    client.subscribe("_hub/alarm", ({ from, source, state, text }) => {
      if (from !== "_hub" || !isPart(source)) return;
      heard.add(source);
      if (state === "resumed") tell(source, undefined);
      else if (state === "stopped" || state === "losing") tell(source, String(text));
    }),
  ];
  if (client.joined) void ask();
  return {
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}
