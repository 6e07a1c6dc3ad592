// A data-taking run as one pure table: (state, event) → (state, actions).
//
// Nothing here knows of messages, files or time: whoever drives it does the actions, and says what
// came of them. What it keeps is what the next controller must know.

import type { RunPhase, RunVerdict } from "../status/run_status.ts";

/** A program that is told of a run. */
export type Participant = {
  readonly program: string;
  /** Told in this order at the start, in reverse at the stop; equal numbers at the same time. */
  readonly order: number;
};

/** What a program is told. */
export type Transition = "run-start" | "run-stop";

/** A run that is open. */
export interface OpenRun {
  readonly number: number;
  readonly participants: readonly Participant[];
  /** Programs that were told of the start, and so must be told of the end. */
  readonly told: readonly string[];
  /** Programs that are still to be told in this transition. */
  readonly left: readonly string[];
  /** Programs that were told, and have not answered. */
  readonly waiting: readonly string[];
  /** What makes it less than good; the first hundred. */
  readonly taints: readonly string[];
  /** It can only be this any more. */
  readonly verdict?: "interrupted" | "aborted";
  /** Why it is that, or why it ends. */
  readonly reason?: string;
}

/** Where the experiment is. */
export interface RunMachine {
  readonly phase: RunPhase;
  /** In every phase but `idle`. */
  readonly run?: OpenRun;
  /** Why the experiment is safe; absent: it is not. */
  readonly safe?: string;
}

/** What happens. */
export type RunEvent =
  | {
    readonly type: "start";
    readonly number: number;
    readonly participants: readonly Participant[];
  }
  | { readonly type: "stop"; readonly reason: string }
  | { readonly type: "answered"; readonly program: string; readonly cmd: Transition }
  /** It refused, or said nothing in time: then it may have begun all the same. */
  | {
    readonly type: "failed";
    readonly program: string;
    readonly cmd: Transition;
    readonly text: string;
    readonly silent: boolean;
  }
  /** A program that was running is no longer. */
  | {
    readonly type: "gone";
    readonly program: string;
    readonly text: string;
    /** Nothing is safe without it. */
    readonly essential: boolean;
    /** No run begins without it. */
    readonly required: boolean;
    /** Somebody told it to stop or to restart. */
    readonly asked: boolean;
  }
  | { readonly type: "taint"; readonly text: string }
  /** The run cannot go on. */
  | { readonly type: "interrupt"; readonly reason: string }
  | { readonly type: "safe"; readonly reason: string }
  | { readonly type: "leaveSafe" }
  /** The end, with nobody told any more. */
  | { readonly type: "cut"; readonly reason: string };

/** What is to be done. */
export type RunAction =
  | { readonly type: "tell"; readonly cmd: Transition; readonly programs: readonly string[] }
  | { readonly type: "tellSafe"; readonly reason: string }
  | { readonly type: "tellLeave" }
  | { readonly type: "began" }
  | { readonly type: "ended"; readonly run: OpenRun; readonly verdict: RunVerdict };

/** What {@linkcode stepRun} gives. */
export interface RunStep {
  readonly machine: RunMachine;
  readonly actions: readonly RunAction[];
}

/** No run, not safe. */
export const NO_RUN: RunMachine = { phase: "idle" };

const MOST_TAINTS = 100;

/** What a run is worth as it is now. */
export function verdictOf({ verdict, taints }: OpenRun): RunVerdict {
  return verdict ?? (taints.length > 0 ? "tainted" : "good");
}

function tainted(run: OpenRun, text: string): OpenRun {
  if (run.taints.includes(text) || run.taints.length >= MOST_TAINTS) return run;
  return { ...run, taints: [...run.taints, text] };
}

const without = (list: readonly string[], one: string) => list.filter((other) => other !== one);

/** The programs that come next: all of one order. */
function nextGroup(run: OpenRun, cmd: Transition): readonly string[] {
  const left = run.participants.filter(({ program }) => run.left.includes(program));
  const orders = left.map(({ order }) => order);
  const next = cmd === "run-start" ? Math.min(...orders) : Math.max(...orders);
  return left.filter(({ order }) => order === next).map(({ program }) => program);
}

/** Goes on with a transition: the next group, or its end. */
function advance(machine: RunMachine, run: OpenRun, before: readonly RunAction[] = []): RunStep {
  const { phase } = machine;
  if (run.waiting.length > 0) return { machine: { ...machine, run }, actions: before };
  const cmd = phase === "starting" ? "run-start" : "run-stop";
  const programs = nextGroup(run, cmd);
  if (programs.length > 0) {
    const next = {
      ...run,
      waiting: programs,
      left: run.left.filter((one) => !programs.includes(one)),
      told: phase === "starting" ? [...run.told, ...programs] : run.told,
    };
    return {
      machine: { ...machine, run: next },
      actions: [...before, { type: "tell", cmd, programs }],
    };
  }
  if (phase === "starting") {
    return {
      machine: { ...machine, phase: "running", run },
      actions: [...before, { type: "began" }],
    };
  }
  const { safe } = machine;
  return {
    machine: { phase: "idle", safe },
    actions: [...before, { type: "ended", run, verdict: verdictOf(run) }],
  };
}

/** Begins to tell of the end all who were told of the start, but those that are known to be out. */
function stopping(
  machine: RunMachine,
  run: OpenRun,
  reason: string | undefined,
  verdict: OpenRun["verdict"],
  out: readonly string[] = [],
  before: readonly RunAction[] = [],
): RunStep {
  const next: OpenRun = {
    ...run,
    verdict: run.verdict ?? verdict,
    reason: run.reason ?? reason,
    waiting: [],
    told: run.told.filter((one) => !out.includes(one)),
    left: run.told.filter((one) => !out.includes(one)),
  };
  return advance({ ...machine, phase: "stopping" }, next, before);
}

/** A run that cannot go on, in whatever phase it is. */
function cannotGoOn(
  machine: RunMachine,
  reason: string,
  out: readonly string[],
  before: readonly RunAction[],
): RunStep {
  const { phase, run } = machine;
  if (run === undefined) return { machine, actions: before };
  if (phase === "starting") return stopping(machine, run, reason, "aborted", out, before);
  if (phase === "running") return stopping(machine, run, reason, "interrupted", out, before);
  // It is being stopped already, but not for this.
  const verdict = run.verdict ?? "interrupted";
  const kept = run.verdict === undefined ? reason : run.reason;
  const waiting = run.waiting.filter((one) => !out.includes(one));
  const left = run.left.filter((one) => !out.includes(one));
  return advance(machine, { ...run, verdict, reason: kept, waiting, left }, before);
}

function onGone(machine: RunMachine, event: RunEvent & { readonly type: "gone" }): RunStep {
  const { phase, run, safe } = machine;
  const { program, asked } = event;
  const text = `${program}: ${event.text}`;
  // Between runs people may stop what they like; in a run nobody wants it without the essential.
  if (event.essential && !(asked && phase === "idle")) {
    const reason = `${program}, which is essential, is lost: ${event.text}`;
    const isNew = safe === undefined;
    const next = isNew ? { ...machine, safe: reason } : machine;
    return cannotGoOn(next, reason, [program], isNew ? [{ type: "tellSafe", reason }] : []);
  }
  if (run === undefined) return { machine, actions: [] };
  const takesPart = run.participants.some((one) => one.program === program);
  if (phase === "starting" && (takesPart || event.required)) {
    return stopping(machine, run, text, "aborted", [program]);
  }
  const next = tainted(run, text);
  if (phase !== "stopping") return { machine: { ...machine, run: next }, actions: [] };
  const { left, waiting } = next;
  return advance(machine, {
    ...next,
    left: without(left, program),
    waiting: without(waiting, program),
  });
}

function onFailed(machine: RunMachine, event: RunEvent & { readonly type: "failed" }): RunStep {
  const { run, phase } = machine;
  const { program, cmd, text, silent } = event;
  if (run === undefined || !run.waiting.includes(program)) return { machine, actions: [] };
  if (phase === "starting" && cmd === "run-start") {
    return stopping(machine, run, `${program}: ${text}`, "aborted", silent ? [] : [program]);
  }
  if (phase !== "stopping" || cmd !== "run-stop") return { machine, actions: [] };
  const next = tainted(run, `${program}: ${text}`);
  return advance(machine, { ...next, waiting: without(next.waiting, program) });
}

/** The table. An event that means nothing in a phase leaves the machine as it is. */
export function stepRun(machine: RunMachine, event: RunEvent): RunStep {
  const { phase, run, safe } = machine;
  const stay: RunStep = { machine, actions: [] };
  switch (event.type) {
    case "start": {
      if (phase !== "idle" || safe !== undefined) return stay;
      const { number, participants } = event;
      const left = participants.map(({ program }) => program);
      const fresh = { number, participants, left, told: [], waiting: [], taints: [] };
      return advance({ phase: "starting" }, fresh);
    }
    case "answered": {
      if (run === undefined || !run.waiting.includes(event.program)) return stay;
      const cmd = phase === "starting" ? "run-start" : "run-stop";
      // A late answer to the start, while the end is being told.
      if (event.cmd !== cmd) return stay;
      return advance(machine, { ...run, waiting: without(run.waiting, event.program) });
    }
    case "failed":
      return onFailed(machine, event);
    case "gone":
      return onGone(machine, event);
    case "taint":
      return run === undefined
        ? stay
        : { machine: { ...machine, run: tainted(run, event.text) }, actions: [] };
    case "stop":
      if (run === undefined || phase === "stopping") return stay;
      if (phase === "starting") return stopping(machine, run, event.reason, "aborted");
      return stopping(machine, run, undefined, undefined);
    case "interrupt":
      return cannotGoOn(machine, event.reason, [], []);
    case "safe": {
      if (safe !== undefined) return stay;
      const { reason } = event;
      return cannotGoOn({ ...machine, safe: reason }, reason, [], [{ type: "tellSafe", reason }]);
    }
    case "leaveSafe":
      if (safe === undefined) return stay;
      return { machine: { phase, run }, actions: [{ type: "tellLeave" }] };
    case "cut": {
      if (run === undefined) return stay;
      const verdict = run.verdict ?? (phase === "starting" ? "aborted" : "interrupted");
      const ended = { ...run, verdict, reason: run.reason ?? event.reason };
      return {
        machine: { phase: "idle", safe },
        actions: [{ type: "ended", run: ended, verdict }],
      };
    }
  }
}

/**
 * What a controller makes of a run that one before it left open: a start that was under way is
 * aborted, a stop is told anew, for nobody knows who had heard of it.
 */
export function takeUpRun(machine: RunMachine): RunStep {
  const { phase, run } = machine;
  if (run === undefined || phase === "running" || phase === "idle") return { machine, actions: [] };
  if (phase === "starting") {
    return stopping(
      machine,
      run,
      "the controller ended while the run was being started",
      "aborted",
    );
  }
  return stopping(machine, run, run.reason, run.verdict);
}
