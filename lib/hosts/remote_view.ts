// Where a program on another computer is, by what it was told and what was heard of it last. Pure.

import type { HostReport } from "./host_report.ts";
import type { Machine } from "../run/program_state.ts";
import type { OrderKind, RemoteRecord } from "../run/record.ts";

/** Where it is. */
export type View = Pick<Machine, "state" | "reason" | "ready"> & Partial<Machine>;

/** What is known of a program on a host. */
export interface Known {
  readonly host: string;
  readonly intent: RemoteRecord["intent"];
  readonly after: RemoteRecord["after"];
  /** What it was told and has not carried out, as far as is known. */
  readonly order: OrderKind | undefined;
  /** What its host said last; `undefined`: nothing, or that it does not know it. */
  readonly report: HostReport | undefined;
  /** Why the host cannot be asked; `undefined`: it can. */
  readonly trouble: string | undefined;
  /** The host may just not have answered yet. */
  readonly isFresh: boolean;
  /** Why the host does not start it. */
  readonly refusal: string | undefined;
  /** Where it was. */
  readonly before: Machine;
  /** Why it is stopped, if its host knows nothing of it. */
  readonly idle: string;
  /** It came back with another process than it was left with. */
  readonly bridge: boolean;
}

/** Whether it runs, or will do so without being told. */
export function isActive(report: HostReport | undefined): boolean {
  return report !== undefined && !["stopped", "exited", "fatal"].includes(report.state);
}

/** Whether it runs there, or may for all that is known. */
export function mayRunThere({ intent, order, report }: Pick<Known, "intent" | "order" | "report">) {
  return isActive(report) || order !== undefined || (intent === "up" && report === undefined);
}

/** Says where it is. */
export function viewRemote(known: Known): View {
  const { host, intent, after, order, report, trouble, refusal } = known;
  const at = (state: Machine["state"], reason: string, more: Partial<Machine> = {}): View => ({
    ...more,
    state,
    reason,
    ready: false,
  });
  const settled: View = report === undefined
    ? at("stopped", known.idle)
    : { ...report, reason: report.reason ?? "" };
  const next = after === "waiting" ? "waiting" : "stopped";
  const mayRun = mayRunThere(known);

  if (known.bridge) return at("starting", "it was restarted meanwhile", { was: "running" });
  // What may run there is not given up: it could not be started elsewhere then without a second copy.
  if (refusal !== undefined && intent !== "down" && !mayRun) {
    return at("fatal", refusal.startsWith(host) ? refusal : `${host}: ${refusal}`);
  }
  if (trouble !== undefined && known.isFresh) {
    return intent === "waiting" ? at("waiting", trouble) : known.before;
  }
  if (trouble !== undefined && (mayRun || intent === "waiting")) {
    const told = order === undefined ? "" : `; it is told to ${order} when it is back`;
    const again = after === "waiting" && order !== undefined ? " and starts again then" : "";
    return at("unreachable", `${trouble}${told}${again}`);
  }
  if (trouble !== undefined) return settled;
  if (order === "start") return at("waiting", `${host} is told to start it`);
  if (order !== undefined) {
    return at("stopping", after === "waiting" ? "told to restart" : "told to stop", { next });
  }
  if (intent === "waiting") return at("waiting", "told to start");
  if (report?.state !== "stopping") return settled;
  return { ...settled, next: intent === "down" ? next : "starting" };
}
