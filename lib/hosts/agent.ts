// The host agent: runs the programs of other computers' experiments on this one, and keeps them
// running whether their controller, the hub, or the network is there or not.

import { createAwakeClock } from "../awake_clock.ts";
import type { Client, Off } from "../client.ts";
import type { Log } from "../log.ts";
import type { Json, Message } from "../message.ts";
import type { Alarm } from "../status/alarms.ts";
import { type AgentExperiment, openAgentExperiment } from "./agent_experiment.ts";
import { keptExperiment } from "./kept_orders.ts";
import { type AgentPolicy, howToAllow, mayControl } from "./agent_policy.ts";
import { describeHolder, refuseClaim } from "./agent_claim.ts";
import {
  type AgentReports,
  createAgentReports,
  lastThatFit,
  shortReport,
} from "./agent_reports.ts";
import { readLimits, readOrders, type RefusalCode, texts } from "./host_report.ts";
import { createClockSum } from "../set_clock.ts";
import { createLogFollowers, type LogFollowers } from "../run/log_followers.ts";
import { watchPresence } from "../run/presence.ts";
import { openStateFolder } from "../run/state_folder.ts";

/** Options of {@linkcode startAgent}. */
export interface AgentOptions {
  readonly client: Client;
  readonly log: Log;
  /** Where it keeps what the next agent of this name must know. */
  readonly statePath: string;
  /** To which the paths of programs are relative; absolute. */
  readonly workFolder: string;
  readonly policy: AgentPolicy;
  readonly server?: string;
  readonly beaconPort?: number;
  /** Monotonic clock, in milliseconds. Default: one that counts no time in which this process is away. */
  readonly now?: () => number;
}

/** A host agent. */
export interface Agent extends Disposable {
  /** The programs that run now, as `EXPERIMENT: PROGRAM, …` each. */
  running(): string[];
}

/** How often a holder is told what programs use, which says too that this agent is there, in ms. */
const REPORT_MS = 5000;
const TICK_MS = 1000;
const LOG_LINES = 20;
const MOST_LOG_LINES = 1000;
/** Experiments that one agent may have; whoever asks for more has made a mistake, or means no good. */
const MAX_EXPERIMENTS = 32;

/** An experiment, and what this agent has told its controller. */
interface Entry {
  readonly one: AgentExperiment;
  readonly followers: LogFollowers;
  /** Since when its controller is not in the hub, on the monotonic clock. */
  absentSince: number | undefined;
  /** Its controller's name in the hub is another one's by now: that name says nothing of it. */
  isNameTaken: boolean;
  readonly reports: AgentReports;
}

type Fields = { readonly [field: string]: Json | undefined };

/** Whether an alarm is of the computer; one of a program is raised by its controller itself. */
function isOfHost({ one: { controller } }: Entry, { source }: Alarm): boolean {
  return !controller.names.includes(source);
}

/** A refusal, as an answer. */
function refusal(code: RefusalCode, error: string): Fields {
  return { error, code };
}

function folderName(experiment: string): string {
  return experiment.replaceAll("/", "_").replace(/^\./, "_");
}

/**
 * Takes up what an agent before it left, and answers controllers from then on.
 *
 * @throws {LockedError} If another agent of this name runs on this computer.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { client, log, statePath, policy, now = createAwakeClock() } = options;
  const entries = new Map<string, Entry>();
  const opening = new Map<string, Promise<Entry>>();
  const owner = `pid ${Deno.pid} (abcd exec --agent)`;
  const own = await openStateFolder(statePath, owner);
  const presence = watchPresence(client, log, now, () => {});

  const clockSum = createClockSum();
  const clockSetSec = () => clockSum() || undefined;

  async function open(experiment: string): Promise<Entry> {
    const known = entries.get(experiment);
    if (known !== undefined) return known;
    const path = `${statePath}/experiments/${folderName(experiment)}`;
    const folder = await openStateFolder(path, owner);
    const one = openAgentExperiment({ ...options, experiment, folder });
    const followers = createLogFollowers({
      client,
      controller: () => one.holder?.name,
      experiment,
      log,
      output: one.controller.output,
    });
    const reports = createAgentReports({ experiment: one, client, presence, log, clockSetSec });
    const entry: Entry = { one, followers, absentSince: undefined, isNameTaken: false, reports };
    entries.set(experiment, entry);
    one.controller.onChange((status) => reports.tell([one.report(status)]));
    one.controller.onVerdict((program, verdict) => {
      reports.push({ cmd: "host-verdict", program, verdict });
    });
    one.controller.onAlarm((alarm) => {
      if (isOfHost(entry, alarm)) reports.push({ cmd: "host-alarm", alarm });
    });
    return entry;
  }

  /** The same experiment asked for twice is opened once. */
  function opened(experiment: string): Promise<Entry> {
    const promise = opening.get(experiment) ?? open(experiment);
    opening.set(experiment, promise);
    return promise.finally(() => opening.delete(experiment));
  }

  function close({ one, followers }: Entry): void {
    entries.delete(one.name);
    followers[Symbol.dispose]();
    one[Symbol.dispose]();
  }

  /** Of those who are refused, what was said last: they ask again every 2 s, for weeks. */
  const refusedBefore = new Map<string, string>();
  function warnOnce(from: string, text: string): void {
    if (refusedBefore.get(from) === text) return;
    if (refusedBefore.size >= MAX_EXPERIMENTS) refusedBefore.clear();
    refusedBefore.set(from, text);
    log.warn(`refused: ${from} ${text}; not said again while it asks on`);
  }

  async function claim(message: Message): Promise<Fields> {
    const { from = "", experiment, claim, host, pid, disk } = message;
    if (typeof experiment !== "string" || experiment === "" || typeof claim !== "string") {
      return refusal("bad-message", 'a claim has an "experiment" and a "claim"');
    }
    if (!entries.has(experiment) && !mayControl(policy, experiment)) {
      warnOnce(from, `may not control "${experiment}" here`);
      return refusal(
        "not-allowed",
        `${client.name} does not run experiment "${experiment}"; ${howToAllow(experiment)}`,
      );
    }
    if (!entries.has(experiment) && entries.size >= MAX_EXPERIMENTS) {
      return refusal("not-allowed", `${client.name} has ${entries.size} experiments already`);
    }
    const entry = await opened(experiment);
    const { holder } = entry.one;
    // A hub has each name once. One of the same name that is not the holder, as on another computer in the place
    // of one that is dead, would wait for ever for its own name to leave.
    if (holder?.name === from && holder.claim !== claim) {
      entry.isNameTaken = true;
      entry.absentSince ??= now();
    }
    const absentMs = entry.absentSince === undefined ? undefined : now() - entry.absentSince;
    const held = refuseClaim(holder, claim, absentMs);
    if (holder !== undefined && held !== undefined) {
      warnOnce(from, `claims "${experiment}", which ${describeHolder(holder)} has`);
      return refusal("held", `"${experiment}" on ${client.name} is controlled by ${held}`);
    }
    const next = {
      claim,
      name: from,
      host: typeof host === "string" ? host : "?",
      pid: typeof pid === "number" ? pid : 0,
    };
    if (holder !== undefined && holder.claim !== claim) {
      log.warn(`${experiment}: ${from} takes over from ${holder.name}, which is gone`);
    } else log.info(`${experiment}: controlled by ${describeHolder(next)}`);
    refusedBefore.delete(from);
    entry.one.claimedBy(next, readLimits(disk));
    entry.absentSince = undefined;
    entry.isNameTaken = false;
    entry.reports.forget();
    return {
      reports: entry.one.reports().map((one) => ({ ...shortReport(one) })),
      clockSetSec: clockSetSec(),
      alarms: entry.one.controller.alarms.standing.filter((one) => isOfHost(entry, one)),
    };
  }

  /** What the holder of an experiment asks for. */
  function respond(entry: Entry, message: Message): Fields {
    const { one } = entry;
    const names = texts(message.programs);
    switch (message.cmd) {
      case "agent-order": {
        const orders = readOrders(message);
        for (const { name, what } of orders) {
          log.info(`${one.name}: ${what} ${name}, ordered by ${message.from}`);
        }
        const { reports, unknown, refused } = one.order(orders);
        return {
          reports: reports.map((report) => ({ ...shortReport(report) })),
          clockSetSec: clockSetSec(),
          unknown,
          refused,
        };
      }
      case "agent-forget":
        one.forget(names);
        return {};
      case "agent-log": {
        const { lines: count, follow } = message;
        const most = typeof count === "number" && count >= 0
          ? Math.min(MOST_LOG_LINES, count)
          : LOG_LINES;
        // Who has left meanwhile would be followed for for ever.
        const lines = typeof follow === "string" && presence.has(follow)
          ? entry.followers.follow(names, follow, most)
          : names.flatMap((program) =>
            (one.controller.output(program)?.tail(most) ?? []).map((line) => ({ program, line }))
          );
        return { lines: lastThatFit(lines), at: Date.now() / 1000 };
      }
      case "agent-why":
        return {
          verdicts: names.flatMap((program) =>
            lastThatFit(one.controller.verdicts(program)).map((verdict) => ({ program, verdict }))
          ),
        };
      default:
        one.forget(one.controller.names);
        one.release();
        log.info(`${one.name}: ${message.from} has stopped it, and leaves`);
        if (one.controller.names.length === 0) close(entry);
        return {};
    }
  }

  function ask(message: Message): Fields | Promise<Fields> {
    const { cmd, from, experiment, claim: mark } = message;
    if (cmd === "agent-claim") return claim(message);
    const entry = entries.get(String(experiment));
    const { holder } = entry?.one ?? {};
    if (entry === undefined || holder?.name !== from || holder?.claim !== mark) {
      return refusal("not-claimed", `${from} does not control "${experiment}" on ${client.name}`);
    }
    return respond(entry, message);
  }

  async function onMessage(message: Message): Promise<void> {
    const { cmd, from, id: re } = message;
    if (from === undefined || message.re !== undefined) return;
    let fields: Fields;
    try {
      const answer = ask(message);
      // In the same turn if it can be: what changes meanwhile is told behind it.
      fields = answer instanceof Promise ? await answer : answer;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.error(`Cannot do what ${from} asks (${cmd}): ${why}`);
      fields = refusal("bad-message", why);
    }
    client.send({
      cmd: cmd.replace(/^agent/, "host"),
      to: from,
      re,
      experiment: message.experiment,
      ...fields,
    });
  }

  const commands = ["claim", "order", "forget", "log", "why", "release"];
  const offs: Off[] = commands.map((one) => client.on(`agent-${one}`, onMessage));

  let nextReport = 0;
  const timer = setInterval(() => {
    const isTime = now() >= nextReport;
    if (isTime) nextReport = now() + REPORT_MS;
    for (const entry of entries.values()) {
      const { holder } = entry.one;
      const isThere = holder !== undefined && presence.has(holder.name) && !entry.isNameTaken;
      if (holder === undefined || !presence.known || isThere) {
        entry.absentSince = undefined;
      } else entry.absentSince ??= now();
      if (isTime && holder !== undefined) entry.reports.tellNews();
    }
  }, TICK_MS);

  Deno.mkdirSync(`${statePath}/experiments`, { recursive: true });
  for (const { name } of Deno.readDirSync(`${statePath}/experiments`)) {
    const experiment = keptExperiment(`${statePath}/experiments/${name}`, log);
    if (experiment === undefined) continue;
    try {
      await opened(experiment);
    } catch (error) {
      // One that cannot be had must not take the others along.
      log.error(`Cannot take up ${experiment}: ${error instanceof Error ? error.message : error}`);
      continue;
    }
    if (!mayControl(policy, experiment)) {
      log.warn(
        `${experiment}: runs here from before, and is not allowed any more: nothing of it is started again; ${
          howToAllow(experiment)
        }`,
      );
    }
  }

  return {
    running: () =>
      [...entries.values()].flatMap(({ one }) => {
        const names = one.controller.status().programs
          .filter(({ pid }) => pid !== undefined).map(({ name }) => name);
        return names.length === 0 ? [] : [`${one.name}: ${names.join(", ")}`];
      }),
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const off of offs) off();
      for (const entry of [...entries.values()]) close(entry);
      presence[Symbol.dispose]();
      own[Symbol.dispose]();
    },
  };
}
