// A program on the computer of a host agent. The agent keeps it running by itself; here is what it
// was told, what was heard of it last, and what is to come when what it depends on holds.
//
// The order of things between hosts is the controller's: a restart from here is a stop, then a start
// when all that it depends on holds. Nothing is started elsewhere while it may still run there.

import type { HostLink, RemoteEnd } from "./host_link_contract.ts";
import type { HostReport, Order } from "./host_report.ts";
import type { Presence } from "../run/presence.ts";
import type { Program } from "../experiment/program.ts";
import { newMachine, type ProgramEvent } from "../run/program_state.ts";
import type { ProgramState } from "../status/program_status.ts";
import { programKeys } from "../experiment/program_text.ts";
import { createRecordKeeper, withVerdict } from "../run/keep_record.ts";
import {
  type OrderKind,
  type ProgramRecord,
  type RemoteRecord,
  settingsText,
} from "../run/record.ts";
import { remoteStatus } from "./remote_status.ts";
import { isActive, mayRunThere, type View, viewRemote } from "./remote_view.ts";
import { CALM_MS, type Runner, type RunnerContext, TICK_MS } from "../run/runner.ts";
import { createSince } from "../run/since.ts";
import type { Verdict } from "../run/verdict.ts";

/** Two looks at clocks tell the same moment, in seconds. */
const SAME_SEC = 0.5;

/** What a remote runner is given. */
export interface RemoteContext extends RunnerContext {
  readonly link: HostLink;
  readonly presence: Presence;
  readonly save: (name: string, record: ProgramRecord) => void;
}

function pidOf(report: HostReport | undefined): string {
  return report?.pid === undefined ? report?.state ?? "unknown" : `pid ${report.pid}`;
}

/** Makes the runner of a program that nobody has asked for yet. */
export function createRemoteRunner(first: Program, context: RemoteContext): Runner {
  const { log, now, link } = context;
  const { name } = first;
  const { host } = link;
  let program = first;
  /** Settings that hold once it has stopped. */
  let next: Program | undefined;
  let report: HostReport | undefined;
  /** What it is to be: `waiting` is up as soon as what it depends on holds. */
  let intent: RemoteRecord["intent"] = "down";
  /** What it is to be once it has stopped. */
  let after: RemoteRecord["after"] = "down";
  /** What it was told and has not carried out, as far as is known. */
  let order: { readonly what: OrderKind; readonly number: number } | undefined;
  let refusal: string | undefined;
  /** Why it is stopped, if its host knows nothing of it. */
  let idle = "not started";
  /** It came back with another process than it was left with: for a moment, so that others see it. */
  let bridge = false;
  let verdicts: readonly Verdict[] = [];
  let machine = newMachine(now());
  const since = createSince(now);
  /** Taken over from a controller before this one, and not heard of yet. */
  let isRestored = false;

  function record(closed = false): ProgramRecord {
    const remote = { intent, after, order };
    return {
      version: 1,
      settings: settingsText(program),
      machine,
      since: since.time,
      closed,
      verdicts,
      remote,
    };
  }

  const keep = createRecordKeeper(name, context);
  const save = (closed = false) => keep(record(closed));

  const mayRun = () => mayRunThere({ intent, order: order?.what, report });

  function view(): View {
    const { trouble, isFresh } = link;
    return viewRemote({
      host,
      intent,
      after,
      order: order?.what,
      report,
      trouble,
      isFresh,
      refusal: link.refusal ?? refusal,
      before: machine,
      idle,
      bridge,
    });
  }

  /** Takes over what is known now, and tells of it if it is another state. */
  function update(): void {
    const before = machine;
    const { state, reason, ready, was, restarts, exitCode, signal, next = "stopped" } = view();
    const said = state === report?.state ? report.since : undefined;
    const isLater = said !== undefined && Math.abs(said - since.time) > SAME_SEC;
    const moved = state !== before.state || isLater;
    machine = {
      ...before,
      state,
      reason,
      ready,
      next,
      was: moved ? was ?? before.state : before.was,
      restarts: restarts ?? report?.restarts ?? 0,
      failures: report?.failures ?? 0,
      failedStarts: report?.failedStarts ?? 0,
      exitCode: exitCode ?? report?.exitCode,
      signal: signal ?? report?.signal,
      since: moved ? now() : before.since,
    };
    if (moved) since.time = said ?? Date.now() / 1000;
    const isNews = moved || ready !== before.ready || reason !== before.reason;
    if (!isNews) return;
    save();
    if (state !== before.state) logStep(before.state, state, reason);
    if (ready && !before.ready) log.info(`${name}: ready on ${host}`);
    context.changed(runner);
  }

  function logStep(from: ProgramState, to: ProgramState, reason: string): void {
    const text = `${name}: ${from} → ${to} on ${host} (${reason})`;
    if (to === "fatal") log.error(text);
    else if (to === "unreachable" || to === "backoff") log.warn(text);
    else log.info(text);
  }

  function give(what: OrderKind): void {
    const last = Math.max(report?.order ?? 0, order?.number ?? 0);
    // The time makes it one that nobody has used: what the agent did last may not be known yet, and
    // an order of the same number would be taken for carried out.
    order = { what, number: Math.max(last + 1, Date.now()) };
    refusal = undefined;
    save();
  }

  /** A stop is over: what was to come then comes. */
  function stopped(): void {
    program = next ?? program;
    next = undefined;
    intent = after;
    after = "down";
  }

  function reported(heard: HostReport | undefined): void {
    const before = report;
    report = heard;
    if (isRestored && isActive(heard)) log.info(`${name}: adopted on ${host}, ${pidOf(heard)}`);
    isRestored = false;
    const stops = order !== undefined && order.what !== "start";
    if (heard === undefined) {
      // It has nothing of this program: a stop is done, a start is to be done.
      if (stops) {
        order = undefined;
        stopped();
      } else if (intent === "up" && order === undefined) {
        // Its computer was started anew, or another one has its name.
        const wasDone = ["exited", "fatal"].includes(before?.state ?? machine.state);
        intent = wasDone && !program.autostart ? "down" : "waiting";
        const what = intent === "down" ? "as it had ended, it stays so" : "it is started again";
        log.warn(`${name}: ${host} knows nothing of it any more; ${what}`);
      }
      return update();
    }
    if (order !== undefined && heard.order === order.number) order = undefined;
    else if (order !== undefined && heard.order > order.number) {
      // Somebody else's orders were more: this one was taken for one of before.
      order = { ...order, number: heard.order + 1 };
    }
    if (order === undefined) settle(heard);
    // The pid of one that has just started may come later than its state.
    const isOther = before?.state === "running" && heard.state === "running" &&
      before.pid !== undefined && before.pid !== heard.pid;
    if (isOther && order === undefined) {
      bridge = true;
      update();
      // Behind those that look at the change.
      queueMicrotask(() => {
        bridge = false;
        update();
      });
    } else update();
    if (order !== undefined) link.send();
  }

  /** Nothing is on its way: what the agent says is how it is. */
  function settle(heard: HostReport): void {
    if (isActive(heard)) {
      if (intent === "waiting") {
        // It was never told to start by this controller, or that was not kept: it is taken over, and
        // told its settings; where they are the same that changes nothing.
        log.info(`${name}: adopted on ${host}, ${pidOf(heard)}`);
        give("start");
      }
      if (heard.state !== "stopping") intent = "up";
    } else if (heard.state === "stopped") {
      if (after === "waiting" || intent === "up") stopped();
    } else if (after === "waiting") stopped();
  }

  function fire(event: ProgramEvent): void {
    switch (event.type) {
      case "start":
        start();
        break;
      case "stop":
      case "kill":
        stop(event.type);
        break;
      case "restart":
        if (!mayRun() || intent === "waiting") {
          start();
          break;
        }
        if (order === undefined || order.what === "start") give("stop");
        intent = "down";
        after = "waiting";
        break;
      case "dependenciesHold":
        if (machine.state !== "waiting" || order !== undefined) return;
        if (link.trouble !== undefined) return;
        intent = "up";
        give("start");
        break;
      default:
        return;
    }
    update();
    link.send();
  }

  function start(): void {
    refusal = undefined;
    const stops = order !== undefined && order.what !== "start";
    if (stops || (report?.state === "stopping" && intent === "down")) {
      after = "waiting";
      return;
    }
    if (order !== undefined) return;
    // One that waits for its next try is tried now.
    if (isActive(report)) {
      if (report?.state === "backoff" && link.trouble === undefined) give("start");
      return;
    }
    intent = "waiting";
  }

  function stop(what: "stop" | "kill"): void {
    after = "down";
    program = next ?? program;
    next = undefined;
    refusal = undefined;
    const runs = mayRun();
    const isTold = order?.what === what || (order?.what === "kill");
    intent = "down";
    if (runs && !isTold) give(what);
    else if (!runs) idle = "told to stop";
  }

  const end: RemoteEnd = {
    name,
    get order(): Order | undefined {
      if (order === undefined) return undefined;
      const { what, number } = order;
      return {
        name,
        what,
        order: number,
        program: what === "start" ? programKeys(program) : undefined,
      };
    },
    reported,
    linkChanged: update,
    refused(text) {
      order = undefined;
      refusal = text;
      if (intent === "up") intent = "waiting";
      update();
    },
    get lastEnd() {
      return verdicts.at(-1)?.time ?? 0;
    },
    ended(list) {
      for (const verdict of list) {
        if (verdicts.some(({ time, text }) => time === verdict.time && text === verdict.text)) {
          continue;
        }
        verdicts = withVerdict(verdicts, verdict);
        context.verdict(runner, verdict);
      }
      save();
    },
  };

  const runner: Runner = {
    get program() {
      return next ?? program;
    },
    get machine() {
      return machine;
    },
    output: undefined,
    get mayRun() {
      return mayRun();
    },
    get verdicts() {
      return verdicts;
    },
    // That is for its agent to tell.
    unstoppable: undefined,
    lostLog: undefined,
    fire,
    look() {},
    get patienceMs() {
      const isCalm = link.trouble === undefined && order === undefined && intent !== "waiting";
      return isCalm ? CALM_MS : TICK_MS;
    },
    tick() {},
    probe() {},
    measure() {},
    status: () =>
      remoteStatus({
        ...{ program, host, machine, report, presence: context.presence },
        since: since.time,
      }),
    change(changed) {
      if (mayRun() && intent !== "waiting") {
        // What runs, or is about to stop, does so by the settings that it was started with.
        next = changed;
        if (intent === "up") fire({ type: "restart" });
        return;
      }
      program = changed;
      if (["exited", "fatal"].includes(machine.state)) fire({ type: "start" });
      save();
    },
    restore(kept) {
      verdicts = kept.verdicts;
      if (kept.closed) return;
      machine = { ...kept.machine, since: now(), deadline: undefined };
      since.time = kept.since;
      ({ intent, after, order } = kept.remote ?? { intent: "waiting", after: "down" });
      isRestored = true;
      update();
    },
    remember() {},
    close() {
      const isClosed = !mayRun();
      if (!isClosed) {
        // What could not be stopped is not written off: the next controller takes it up.
        log.warn(`${name}: not stopped, as ${host} cannot be reached; it may run on there`);
        [intent, after, order] = ["up", "down", undefined];
      }
      save(isClosed);
    },
    forget: () => link.forget(name),
    [Symbol.dispose]() {
      link.remove(name);
    },
  };
  link.add(end);
  return runner;
}
