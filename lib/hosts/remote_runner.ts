// A program on the computer of a host agent. The agent keeps it running by itself; here is what is
// wanted of it, as remote_orders.ts says, and what was heard of it last.

import type { HostLink, RemoteEnd } from "./host_link_contract.ts";
import type { HostReport, Order } from "./host_report.ts";
import type { Presence } from "../run/presence.ts";
import type { Program } from "../experiment/program.ts";
import { newMachine, type ProgramEvent } from "../run/program_state.ts";
import type { ProgramState } from "../status/program_status.ts";
import { programKeys } from "../experiment/program_text.ts";
import { createRecordKeeper, withVerdict } from "../run/keep_record.ts";
import { type ProgramRecord, settingsText } from "../run/record.ts";
import { decide, type Known, NOT_WANTED, type Wanted, type WantedEvent } from "./remote_orders.ts";
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

/** Whether it runs as another process than before. The pid of one that has just started may come late. */
function isAnother(before: HostReport | undefined, now: HostReport | undefined): boolean {
  return before?.state === "running" && now?.state === "running" &&
    before.pid !== undefined && before.pid !== now.pid;
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
  let wanted: Wanted = NOT_WANTED;
  /** It came back with another process than it was left with: for a moment, so that others see it. */
  let bridge = false;
  let verdicts: readonly Verdict[] = [];
  let machine = newMachine(now());
  const since = createSince();
  /** Taken over from a controller before this one, and not heard of yet. */
  let isRestored = false;

  function record(closed = false): ProgramRecord {
    const { intent, after, order } = wanted;
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

  const mayRun = () => mayRunThere({ ...wanted, order: wanted.order?.what, report });

  function view(): View {
    const { trouble, isFresh } = link;
    return viewRemote({
      ...wanted,
      host,
      order: wanted.order?.what,
      report,
      trouble,
      isFresh,
      refusal: link.refusal ?? wanted.refusal,
      before: machine,
      bridge,
    });
  }

  /** Takes over what is wanted now that something has happened. */
  function take(event: WantedEvent, state = machine.state) {
    const before = wanted;
    const isReachable = link.trouble === undefined;
    const { autostart } = program;
    const known: Known = { report, state, isReachable, autostart, now: Date.now() };
    const decision = decide(wanted, event, known);
    wanted = decision.wanted;
    if (decision.takesNext) {
      program = next ?? program;
      next = undefined;
    }
    const isOther = (["intent", "after", "order"] as const).some((key) =>
      wanted[key] !== before[key]
    );
    // Kept before it is told: a controller that dies in between is found out by the next.
    if (isOther) save();
    return decision;
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

  function reported(heard: HostReport | undefined): void {
    const before = report;
    report = heard;
    const { isAdopted, lost } = take({ type: "heard" }, before?.state);
    if (isAdopted || (isRestored && isActive(heard))) {
      log.info(`${name}: adopted on ${host}, ${pidOf(heard)}`);
    }
    isRestored = false;
    if (lost !== undefined) {
      const what = lost === "again" ? "it is started again" : "as it had ended, it stays so";
      log.warn(`${name}: ${host} knows nothing of it any more; ${what}`);
    }
    if (wanted.order === undefined && isAnother(before, heard)) {
      bridge = true;
      // Behind those that look at the change.
      queueMicrotask(() => {
        bridge = false;
        update();
      });
    }
    update();
    if (wanted.order !== undefined) link.send();
  }

  function fire({ type }: ProgramEvent): void {
    switch (type) {
      case "start":
      case "stop":
      case "kill":
      case "restart":
      case "dependenciesHold": {
        const before = wanted;
        take({ type });
        // They are said to hold again and again.
        if (type === "dependenciesHold" && wanted === before) return;
        update();
        link.send();
      }
    }
  }

  const end: RemoteEnd = {
    name,
    get order(): Order | undefined {
      if (wanted.order === undefined) return undefined;
      const { what, number } = wanted.order;
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
      take({ type: "refused", text });
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
      const { order, intent } = wanted;
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
      if (mayRun() && wanted.intent !== "waiting") {
        // What runs, or is about to stop, does so by the settings that it was started with.
        next = changed;
        if (wanted.intent === "up") fire({ type: "restart" });
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
      wanted = { ...NOT_WANTED, ...kept.remote ?? { intent: "waiting" } };
      isRestored = true;
      update();
    },
    remember() {},
    close() {
      const isClosed = !mayRun();
      if (!isClosed) {
        // What could not be stopped is not written off: the next controller takes it up.
        log.warn(`${name}: not stopped, as ${host} cannot be reached; it may run on there`);
        take({ type: "left" });
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
