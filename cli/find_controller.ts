// Which run controller is asked where nobody names one.

import type { Client } from "../lib/client.ts";
import type { ClientEntry } from "../lib/message.ts";
import { RUN_PROGRAM } from "../lib/run/rival.ts";
import { runTopic } from "../lib/status/topics.ts";

/** A controller's name where its experiment file gives none. */
export const USUAL_CONTROLLER = "run";

/** How long the hub may take to say who is there, in seconds. */
const PATIENCE_SEC = 5;

/** The run controllers that are in the hub. */
export async function controllersIn(
  client: Client,
  options: { readonly timeoutSec?: number; readonly signal?: AbortSignal } = {},
): Promise<readonly ClientEntry[]> {
  const all = await client.clients({ timeoutSec: PATIENCE_SEC, ...options });
  return all.filter(({ name, info }) => info?.program === RUN_PROGRAM || name === USUAL_CONTROLLER);
}

/** The experiment of the controller with the usual name that was in this hub last, if one ever was. */
async function usualExperiment(client: Client, signal: AbortSignal): Promise<unknown> {
  let experiment: unknown;
  const off = client.subscribe(runTopic(USUAL_CONTROLLER), (message) => {
    if (message.retained === true) experiment = message.experiment;
  });
  await client.flush({ timeoutSec: PATIENCE_SEC, signal });
  off();
  return experiment;
}

/**
 * The controller that is meant: the one with the usual name, or the only one that there is. If that with
 * the usual name is away, and another experiment's is here, nobody is to stop that by mistake.
 *
 * @returns Its name; and `isOther`, if it is not the usual one.
 */
export async function findController(
  client: Client,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly isOther: boolean }> {
  const usual = { name: USUAL_CONTROLLER, isOther: false };
  try {
    const all = await controllersIn(client, { signal });
    const [only] = all;
    if (only === undefined || all.length > 1 || only.name === USUAL_CONTROLLER) return usual;
    const away = await usualExperiment(client, signal);
    if (away !== undefined && away !== only.info.experiment) return usual;
    return { name: only.name, isOther: true };
  } catch {
    return usual; // asking it has the words for what is wrong
  }
}
