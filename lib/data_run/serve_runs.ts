// Runs by message: `start-run`, `stop-run`, `note`, `make-safe`, `leave-safe`, `runs`; and what is published of them.

import type { Client, Off } from "../client.ts";
import type { Fields } from "../client.ts";
import type { Log } from "../log.ts";
import type { Message } from "../message.ts";
import type { DataRuns } from "./contract.ts";
import { runTopic } from "../status/topics.ts";
import { MOST_RUN_SEC, type RunPlan } from "./timed_runs.ts";

/** Options of {@linkcode serveRuns}. */
export interface ServeRunsOptions {
  readonly client: Client;
  readonly runs: DataRuns;
  readonly experiment: string;
  readonly log: Log;
}

const MOST_LABEL = 200;
const MOST_NOTE = 2000;
const LISTED = 20;
const MOST_LISTED = 1000;

/** A text of a message; empty if it is not there. */
function textOf(message: Message, field: string, most: number): string {
  const value = message[field] ?? "";
  if (typeof value !== "string") throw new TypeError(`"${field}" is no text`);
  if (value.length > most) throw new RangeError(`"${field}" is longer than ${most} characters`);
  return value;
}

function numberOf(message: Message, field: string): number | undefined {
  const value = message[field];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new TypeError(`"${field}" is no whole number`);
}

/** How long the run is to last, and whether another one follows. */
function planOf({ forSec, repeat }: Message): RunPlan {
  if (forSec === undefined) {
    if (repeat === true) throw new RangeError(`"repeat" needs "forSec"`);
    return {};
  }
  if (typeof forSec !== "number" || !(forSec > 0 && forSec <= MOST_RUN_SEC)) {
    throw new RangeError(`"forSec" is no number from 0 to ${MOST_RUN_SEC}`);
  }
  return { forSec, repeat: repeat === true ? true : undefined };
}

/** Who asks: what it says of itself, as "somebody@computer", else its name in the hub. */
function askerOf(message: Message): string {
  return textOf(message, "by", MOST_LABEL) || message.from || "somebody";
}

/** Runs by message, until it is disposed of. */
export interface RunService extends Disposable {
  /** Publishes the run as it is, as each joining of the hub does. */
  tell(): void;
}

/** Answers messages, and publishes the run on its topic. */
export function serveRuns({ client, runs, experiment, log }: ServeRunsOptions): RunService {
  const answers: { readonly [cmd: string]: (message: Message) => Fields | Promise<Fields> } = {
    async "start-run"(message) {
      const label = textOf(message, "label", MOST_LABEL);
      const plan = { ...planOf(message), number: numberOf(message, "number") };
      return { ...await runs.start(askerOf(message), label, plan) };
    },
    async "stop-run"(message) {
      return { ...await runs.stop(askerOf(message), numberOf(message, "run")) };
    },
    note(message) {
      const text = textOf(message, "text", MOST_NOTE);
      if (text === "") throw new TypeError("there is no text in it");
      return runs.note(askerOf(message), text, numberOf(message, "run"));
    },
    "make-safe"(message) {
      const by = askerOf(message);
      runs.makeSafe(by, textOf(message, "reason", MOST_LABEL) || `${by} says so`);
      return { ...runs.status() };
    },
    "leave-safe"(message) {
      runs.leaveSafe(askerOf(message));
      return { ...runs.status() };
    },
    runs(message) {
      const run = numberOf(message, "run");
      if (run === undefined) {
        const count = Math.max(0, Math.min(MOST_LISTED, numberOf(message, "count") ?? LISTED));
        return { runs: runs.list(count) };
      }
      const record = runs.find(run);
      if (record === undefined) throw new RangeError(`no run ${run}`);
      return { record };
    },
  };

  async function respond(message: Message): Promise<void> {
    const { cmd } = message;
    if (message.re !== undefined || message.from === undefined) return;
    let fields: Fields;
    try {
      fields = { experiment, ...await answers[cmd]?.(message) };
    } catch (error) {
      fields = { error: error instanceof Error ? error.message : String(error) };
    }
    attempt(() => client.reply(message, fields));
  }

  function attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      log.warn(`Cannot tell of runs: ${error instanceof Error ? error.message : error}`);
    }
  }

  function publish(): void {
    // What happened while there was no hub is old then: joining tells how it is.
    if (!client.joined) return;
    const { run, safe } = runs.status();
    // The hub keeps it: who comes late knows at once which run there is.
    const topic = runTopic(client.name);
    const message = { cmd: "run", topic, retain: true, experiment, ...run, safe };
    attempt(() => client.send(message));
  }

  const offs: Off[] = Object.keys(answers).map((cmd) => client.on(cmd, respond));
  offs.push(client.addEventListener("joined", publish));
  runs.onChange(publish);
  return {
    tell: publish,
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}
