// What a host agent tells the controller of an experiment, and what of it that has heard already.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import type { Json } from "../message.ts";
import type { AgentExperiment } from "./agent_experiment.ts";
import type { HostReport } from "./host_report.ts";
import type { Presence } from "../run/presence.ts";

/** Tells the controller of an experiment. */
export interface AgentReports {
  /** Sends it a message, if it is there: what it misses it asks for when it is back. */
  push(message: { readonly cmd: string; readonly [field: string]: Json | undefined }): boolean;
  /** Tells of programs at once. */
  tell(reports: readonly HostReport[]): void;
  /** Tells of all that it has not heard; also of nothing, which says that this agent is there. */
  tellNews(): void;
  /** It may have missed anything. */
  forget(): void;
}

/** What is sent of a line in a report, in characters. */
const LINE_CHARS = 200;
/** What is sent of logs and of verdicts in one answer, in characters. */
const ANSWER_CHARS = 256 * 1024;

/** A report for the table: the lines of an end come with its verdict. */
export function shortReport({ lastLines: _, lastLine, ...rest }: HostReport): HostReport {
  return { ...rest, lastLine: lastLine?.slice(0, LINE_CHARS) };
}

/** As many of the last as fit into one answer. */
export function lastThatFit<T>(all: readonly T[]): T[] {
  let chars = 0;
  const at = all.findLastIndex((one) => (chars += JSON.stringify(one).length) > ANSWER_CHARS);
  return all.slice(at + 1);
}

/** Nothing is told yet. */
export function createAgentReports(options: {
  readonly experiment: AgentExperiment;
  readonly client: Client;
  readonly presence: Presence;
  readonly log: Log;
  readonly clockSetSec: () => number | undefined;
}): AgentReports {
  const { experiment, client, presence, log, clockSetSec } = options;
  const sent = new Map<string, string>();
  const textOf = (report: HostReport) => JSON.stringify(shortReport(report));

  const reports: AgentReports = {
    push(message) {
      const { holder, name } = experiment;
      if (holder === undefined || !client.joined || !presence.has(holder.name)) return false;
      try {
        client.send({ ...message, to: holder.name, experiment: name });
        return true;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        log.warn(`Cannot tell ${holder.name}: ${why}`);
        return false;
      }
    },
    tell(list) {
      const told = list.map((one) => ({ ...one }));
      const message = { cmd: "host-state", reports: told, clockSetSec: clockSetSec() };
      if (!reports.push(message)) return;
      for (const one of list) sent.set(one.name, textOf(one));
    },
    tellNews() {
      const news = experiment.reports().filter((one) => sent.get(one.name) !== textOf(one));
      reports.tell(news.map(shortReport));
    },
    forget: () => sent.clear(),
  };
  return reports;
}
