// What a program on a host is to be, and what its agent is told for that: one pure table,
// (wanted, event, known) → wanted. Whoever drives it keeps what is wanted, and sends the order until
// the agent has carried it out.
//
// The order of things between hosts is the controller's: a restart from here is a stop, then a start
// when all that it depends on holds. Nothing is started elsewhere while it may still run there.

import type { HostReport } from "./host_report.ts";
import type { ProgramState } from "../status/program_status.ts";
import type { OrderKind, RemoteRecord } from "../run/record.ts";
import { isActive, mayRunThere } from "./remote_view.ts";

/** What is wanted of a program on a host. */
export interface Wanted extends RemoteRecord {
  /** Why its host does not start it. */
  readonly refusal?: string;
  /** Why it is stopped, if its host knows nothing of it. */
  readonly idle: string;
}

/** What happens. */
export type WantedEvent =
  | { readonly type: "start" | "stop" | "kill" | "restart" | "dependenciesHold" }
  /** Its agent has said what it knows of it, which is in {@linkcode Known}. */
  | { readonly type: "heard" }
  /** Its agent does not carry the order out. */
  | { readonly type: "refused"; readonly text: string }
  /** The controller leaves, and it could not be stopped: the next one takes it up. */
  | { readonly type: "left" };

/** What is known with it. */
export interface Known {
  /** What its agent said last; `undefined`: nothing, or that it knows nothing of it. */
  readonly report: HostReport | undefined;
  /** Where it was before that. */
  readonly state: ProgramState;
  readonly isReachable: boolean;
  readonly autostart: boolean;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/** What {@linkcode decide} gives. */
export interface Decision {
  readonly wanted: Wanted;
  /** Settings that were to hold once it has stopped hold now. */
  readonly takesNext: boolean;
  /** It runs there, and is taken over. */
  readonly isAdopted: boolean;
  /** Its host knows nothing of it any more: it is started again, or, as it had ended, stays so. */
  readonly lost?: "again" | "stays";
}

/** Nobody has asked for it yet. */
export const NOT_WANTED: Wanted = { intent: "down", after: "down", idle: "not started" };

/** The table. An event that means nothing now leaves what is wanted as it is. */
export function decide(wanted: Wanted, event: WantedEvent, known: Known): Decision {
  const { intent, after, order } = wanted;
  const { report, isReachable, now } = known;
  const stops = order !== undefined && order.what !== "start";
  const mayRun = mayRunThere({ intent, order: order?.what, report });

  const stay: Decision = { wanted, takesNext: false, isAdopted: false };
  const to = (change: Partial<Wanted>, more: Partial<Decision> = {}): Decision => ({
    ...stay,
    ...more,
    wanted: { ...wanted, ...change },
  });
  /** One that nobody has used: what the agent did last may not be known yet, so the time is in it. */
  const give = (what: OrderKind) => {
    const last = Math.max(report?.order ?? 0, order?.number ?? 0);
    return { order: { what, number: Math.max(last + 1, now) }, refusal: undefined };
  };
  /** A stop is over: what was to come then comes. */
  const stopped = (change: Partial<Wanted> = {}) =>
    to({ ...change, intent: after, after: "down" }, { takesNext: true });

  function start(): Decision {
    const refusal = undefined;
    const isOnItsWay = report?.state === "stopping" && intent === "down";
    if (stops || isOnItsWay) return to({ refusal, after: "waiting" });
    if (!mayRun) return to({ refusal, intent: "waiting" });
    // It may run there and was not heard of: if it turns out that it does not, it is started then.
    if (report === undefined && order === undefined) return to({ refusal, after: "waiting" });
    // One that waits for its next try is tried now; what runs is left alone.
    const isTried = order === undefined && report?.state === "backoff" && isReachable;
    return to({ refusal, ...(isTried ? give("start") : {}) });
  }

  function stop(what: "stop" | "kill"): Decision {
    const off = { intent: "down", after: "down", refusal: undefined } as const;
    const isTold = order?.what === what || order?.what === "kill";
    const more = !mayRun ? { idle: "told to stop" } : isTold ? {} : give(what);
    return to({ ...off, ...more }, { takesNext: true });
  }

  function heardNothing(): Decision {
    if (stops) return stopped({ order: undefined });
    if (intent !== "up" || order !== undefined) return stay;
    // Its computer was started anew, or another one has its name.
    const wasDone = known.state === "exited" || known.state === "fatal";
    return wasDone && after === "down" && !known.autostart
      ? to({ intent: "down" }, { lost: "stays" })
      : to({ intent: "waiting", after: "down" }, { lost: "again" });
  }

  function heard({ state, order: done }: HostReport): Decision {
    if (order !== undefined && done < order.number) return stay;
    // Somebody else's orders were more: this one was taken for one of before.
    if (order !== undefined && done > order.number) {
      return to({ order: { ...order, number: done + 1 } });
    }
    // Nothing is on its way: what the agent says is how it is.
    const rest = { order: undefined };
    if (isActive(report)) {
      const up = state === "stopping" ? intent : "up";
      const then = intent === "up" ? "down" : after;
      if (intent !== "waiting") return to({ ...rest, intent: up, after: then });
      // It was never told to start by this controller, or that was not kept: it is taken over, and
      // told its settings; where they are the same that changes nothing.
      return to({ ...rest, intent: up, ...give("start") }, { isAdopted: true });
    }
    const isOver = after === "waiting" || (state === "stopped" && intent === "up");
    return isOver ? stopped(rest) : to(rest);
  }

  switch (event.type) {
    case "start":
      return start();
    case "stop":
    case "kill":
      return stop(event.type);
    case "restart":
      if (!mayRun || intent === "waiting") return start();
      return to({ ...(stops ? {} : give("stop")), intent: "down", after: "waiting" });
    case "dependenciesHold":
      if (known.state !== "waiting" || order !== undefined || !isReachable) return stay;
      // It was told to, and its host starts it in a moment: told again, what ends at once would run twice.
      if (intent === "up" && report?.state === "waiting") return stay;
      return to({ intent: "up", ...give("start") });
    case "heard":
      return report === undefined ? heardNothing() : heard(report);
    case "refused": {
      const next = intent === "up" ? "waiting" : intent;
      return to({ order: undefined, refusal: event.text, intent: next });
    }
    case "left":
      return to({ intent: "up", after: "down", order: undefined });
  }
}
