// Another controller of the same experiment, started by another user or on another computer. No lock
// of a file system knows of it; the hub does. Both would start every program, each of them twice. Two
// files that name different controllers are meant to run beside each other.

import { type Client, RefusedError } from "../client.ts";
import type { Experiment } from "../experiment/experiment_file.ts";
import type { Log } from "../log.ts";
import type { ClientEntry } from "../message.ts";
import type { Alarms } from "../status/alarms.ts";

/** What `abcd run` says that it is, in its `info`. */
export const RUN_PROGRAM = "abcd run";

/** What tells controllers of one experiment from others: the name of both. */
export type RunIdentity = Pick<Experiment, "name" | "controller">;

/** How long one may take to say that it lives, in seconds; and how often it is asked. */
const ANSWER_SEC = 1;
const ASK_TIMES = 3;
/** The source of the alarm. */
const ALARM = "controller";

type HubClient = Pick<
  Client,
  "addEventListener" | "clients" | "joined" | "name" | "request" | "subscribe"
>;

/** A controller in words: `"run" (pid 4711 on daq1)`. */
function describe({ name, info: { pid, host }, address }: ClientEntry): string {
  return `"${name}" (pid ${pid ?? "?"} on ${host ?? address})`;
}

/**
 * Those of a hub's clients that were there as controllers of an experiment before this one: of two
 * that are started at the same moment, one is first. Pure.
 */
export function earlierControllers(
  entries: readonly ClientEntry[],
  { name, controller }: RunIdentity,
  own: string,
): readonly ClientEntry[] {
  const since = entries.find(({ name }) => name === own)?.since ?? Infinity;
  return entries.filter((one) =>
    one.name !== own && one.info.program === RUN_PROGRAM && one.info.experiment === name &&
    one.info.controller === controller &&
    (one.since < since || (one.since === since && one.name < own))
  );
}

async function answers(client: HubClient, { name }: ClientEntry): Promise<boolean> {
  // It may have joined a moment ago, and not be listening yet.
  for (let times = 0; times < ASK_TIMES; times++) {
    try {
      const ask = { cmd: "status", to: name, programs: [] };
      await client.request(ask, { timeoutSec: ANSWER_SEC });
      return true;
    } catch (error) {
      // With a key that may not ask, it is taken for what the hub says: it is there.
      if (error instanceof RefusedError && error.code === "denied") return true;
      if (!(error instanceof DOMException)) return false; // it has left
    }
  }
  return false;
}

/**
 * Another controller of the experiment that is in the hub and answers, in words; `undefined`: none.
 * One that does not answer is told in the log, and counts as dead: its computer has lost its power,
 * or the network.
 */
export async function findRival(
  client: HubClient,
  experiment: RunIdentity,
  log: Log,
): Promise<ClientEntry | undefined> {
  const entries = await client.clients({ timeoutSec: 5 }).catch(() => []);
  for (const entry of earlierControllers(entries, experiment, client.name)) {
    if (await answers(client, entry)) return entry;
    log.warn(
      `${describe(entry)} runs "${experiment.name}" too, and does not answer: taken for dead`,
    );
  }
  return undefined;
}

/** Why the experiment must not be started here; `undefined`: nothing is known against it. */
export async function whyRunElsewhere(
  client: HubClient,
  experiment: RunIdentity,
  log: Log,
): Promise<string | undefined> {
  const rival = client.joined ? await findRival(client, experiment, log) : undefined;
  if (rival === undefined) return undefined;
  return `Cannot control "${experiment.name}": ${describe(rival)} does already, ` +
    `and every program would run twice; stop that one first, ask it ("abcd status"), ` +
    `or give this file another "experiment"`;
}

/** The controller of another experiment that wants the same name in the hub; `undefined`: none. Pure. */
export function namesake(
  entries: readonly ClientEntry[],
  { name, controller }: RunIdentity,
): ClientEntry | undefined {
  return entries.find(({ info }) =>
    info.program === RUN_PROGRAM && info.experiment !== name && info.controller === controller
  );
}

/**
 * Looks again each time that the hub is joined, by this or by another controller: an alarm while one
 * runs the same experiment, or has the same name for another.
 */
export function watchRivals(options: {
  readonly client: HubClient;
  readonly experiment: RunIdentity;
  readonly alarms: Pick<Alarms, "raise" | "clear">;
  readonly log: Log;
}): Disposable {
  const { client, experiment, alarms, log } = options;
  let known: string | undefined;

  async function look(): Promise<void> {
    const rival = await findRival(client, experiment, log);
    known = rival?.name;
    if (rival !== undefined) {
      const text =
        `${describe(rival)} runs "${experiment.name}" too: its programs may run twice; ` +
        `end one of the two controllers`;
      return alarms.raise(ALARM, "critical", text);
    }
    const other = namesake(await client.clients({ timeoutSec: 5 }).catch(() => []), experiment);
    known = other?.name;
    if (other === undefined) return alarms.clear(ALARM);
    const { controller } = experiment;
    const text = `here it is "${client.name}", as "${other.info.experiment}" runs in this hub as ` +
      `"${controller}" too: "abcd status", "abcd stop" and the like reach one or the other. ` +
      `Give one of the two files another "controller", and start its abcd run again; until then ` +
      `--controller ${client.name}`;
    alarms.raise(ALARM, "warning", text);
  }

  if (client.joined) void look();
  const offs = [
    client.addEventListener("joined", () => void look()),
    client.subscribe("_hub/joined", ({ from, name, info }) => {
      const isController = typeof info === "object" && info !== null && "program" in info &&
        info.program === RUN_PROGRAM;
      if (from === "_hub" && name !== client.name && isController) void look();
    }),
    client.subscribe("_hub/left", ({ from, name }) => {
      if (from !== "_hub" || name !== known) return;
      known = undefined;
      alarms.clear(ALARM, "the other controller has left");
    }),
  ];
  return {
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}
