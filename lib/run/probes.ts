// Whether a program is ready, and whether it is still alive, by what the file says to look at.

import { afterPatience } from "../patience.ts";
import type { Answer, Looks } from "../process/look.ts";
import type { LogCursor, ProgramLog } from "../process/program_log.ts";
import type { Presence } from "./presence.ts";
import type { Check, Probe, Program } from "../experiment/program.ts";
import type { ProgramEvent } from "./program_state.ts";

/** What probes look at. */
export interface ProbeContext {
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  readonly presence: Presence;
  readonly output: ProgramLog;
  /** Whether a line of the program would be seen now; asked before its silence is held against it. */
  readonly canLog: () => boolean;
  /** Where the program's output of this start begins. */
  readonly logFrom: number | undefined;
  readonly environment: { readonly [name: string]: string };
  /** Asks the computer that the program is on. */
  readonly looks: Looks;
}

/** The probes of a running program, until it is disposed of. */
export interface Watch extends Disposable {
  /** Looks if it is time to; what it has found out, if that is new. */
  tick(isReady: boolean): ProgramEvent | undefined;
  /** Nobody can look now: this time counts neither for nor against the program. */
  excuse(): void;
}

/** One probe, asked again and again. */
interface Question extends Disposable {
  /** Asks if it is time to. */
  ask(): void;
  /** See {@linkcode Watch.excuse}. */
  excuse(): undefined;
  /** When it held last, on the monotonic clock; before it has: when it was asked first. */
  readonly heldAt: number;
  /** It has held at least once. */
  readonly held: boolean;
  /** Answers of "no" in a row … */
  readonly failures: number;
  /** … and what the last of them said besides, which may be nothing. */
  readonly whyNot: string;
}

/** How often a log is looked at for lines, in milliseconds. */
const LOG_MS = 250;

/** A probe in words: "client cryo", "tcp 127.0.0.1:5025". */
export function describeProbe({ check }: Probe): string {
  switch (check.kind) {
    case "client":
      return `client ${check.client}`;
    case "status": {
      const { client, states, maxAgeSec } = check;
      const age = maxAgeSec === 0 ? "" : ` within ${maxAgeSec} s`;
      return `status ${states.join(" or ")} of ${client}${age}`;
    }
    case "tcp":
      return `tcp ${check.host}:${check.port}`;
    case "file":
      return `file ${check.path}`;
    case "exec":
      return `exec ${check.argv.join(" ")}`;
    case "logLine":
      return `line of the log like ${check.pattern}`;
  }
}

function createQuestion(probe: Probe, program: Program, context: ProbeContext): Question {
  const { now, presence, output, looks } = context;
  const { check, periodSec } = probe;
  const patienceSec = Math.max(1, periodSec);
  const abort = new AbortController();
  const pattern = check.kind === "logLine" ? new RegExp(check.pattern) : undefined;
  let cursor: LogCursor | undefined;
  let heldAt = now();
  let held = false;
  let failures = 0;
  let whyNot = "";
  let next = 0;
  let asking = false;

  function found(answer: true | string): void {
    if (answer === true) [heldAt, held, failures, whyNot] = [now(), true, 0, ""];
    else [failures, whyNot] = [failures + 1, answer];
  }

  function askStatus({ client, states, maxAgeSec }: Check & { kind: "status" }): void {
    if (!presence.known) return excuse();
    const said = presence.said(client);
    if (said === undefined || !states.includes(said.state)) return;
    if (maxAgeSec === 0) return found(true);
    if (now() - said.at <= maxAgeSec * 1000) found(true);
    // The hub tells of what is new alone; that the same was said again has to be asked for.
    if (now() < next) return;
    next = now() + Math.min(maxAgeSec, probe.timeoutSec) * 1000 / 3;
    presence.refresh();
  }

  const excuse = (): undefined => void (heldAt = now());

  async function tryIt(
    look: (signal: AbortSignal) => Promise<Answer>,
  ): Promise<void> {
    asking = true;
    const late = new AbortController();
    const end = afterPatience(
      patienceSec * 1000,
      () => late.abort(new Error(`no answer within ${patienceSec} s`)),
    );
    const answer = await look(AbortSignal.any([abort.signal, late.signal]));
    end();
    asking = false;
    if (abort.signal.aborted) return;
    if (answer === undefined) excuse();
    else found(answer);
  }

  return {
    ask() {
      if (check.kind === "client") {
        // Without a hub nobody knows who is there: that is no fault of the program.
        if (!presence.known) excuse();
        else if (presence.has(check.client)) found(true);
        return;
      }
      if (check.kind === "status") return askStatus(check);
      if (asking || now() < next) return;
      next = now() + (check.kind === "logLine" ? LOG_MS : periodSec * 1000);
      if (check.kind === "tcp") tryIt((signal) => looks.tcp(check.host, check.port, signal));
      else if (check.kind === "file") tryIt((signal) => looks.file(check.path, signal));
      else if (check.kind === "exec") {
        const { argv } = check;
        const { cwd } = program;
        const look = { argv, cwd, env: context.environment, timeoutSec: patienceSec };
        tryIt((signal) => looks.exec(look, signal));
      } else {
        cursor ??= output.cursor(context.logFrom);
        if (cursor.read().some((line) => pattern?.test(line) === true)) found(true);
      }
    },
    excuse,
    get heldAt() {
      return heldAt;
    },
    get held() {
      return held;
    },
    get failures() {
      return failures;
    },
    get whyNot() {
      return whyNot;
    },
    [Symbol.dispose]() {
      abort.abort();
      cursor?.[Symbol.dispose]();
    },
  };
}

/** Begins to watch a program that runs. */
export function watchProgram(program: Program, context: ProbeContext): Watch {
  const { now } = context;
  const { ready, alive } = program;
  let readiness: Question | undefined;
  let life: Question | undefined;

  /** It may well speak, but its log takes nothing: a full disk is no fault of the program. */
  const isMute = ({ check }: Probe) => check.kind === "logLine" && !context.canLog();
  let wasMute = false;

  /** Whether its time is over, which begins anew when it can speak again. */
  function isLate(probe: Probe, question: Question): boolean {
    const isOver = now() - question.heldAt > probe.timeoutSec * 1000;
    if (!isOver && !wasMute) return false;
    wasMute = isMute(probe);
    if (wasMute) question.excuse();
    return isOver && !wasMute;
  }

  function askReady(): ProgramEvent | undefined {
    if (ready === undefined) return { type: "readyHolds" };
    readiness ??= createQuestion(ready, program, context);
    readiness.ask();
    if (readiness.held) return { type: "readyHolds" };
    if (!isLate(ready, readiness)) return undefined;
    const { whyNot } = readiness;
    return {
      type: "aliveFailed",
      reason: `was not ready within ${ready.timeoutSec} s: no ${describeProbe(ready)}${
        whyNot === "" ? "" : ` (${whyNot})`
      }`,
    };
  }

  function askAlive(): ProgramEvent | undefined {
    if (alive === undefined) return undefined;
    life ??= createQuestion(alive, program, context);
    life.ask();
    const what = describeProbe(alive);
    const { kind } = alive.check;
    if (kind === "client" || kind === "status" || kind === "logLine") {
      if (!isLate(alive, life)) return undefined;
      return {
        type: "aliveFailed",
        reason: `is not alive: no ${what} for ${alive.timeoutSec} s`,
      };
    }
    const { failures, whyNot } = life;
    if (failures < alive.failures) return undefined;
    return {
      type: "aliveFailed",
      reason: `is not alive: ${what} failed${failures === 1 ? "" : ` ${failures} times in a row`}${
        whyNot === "" ? "" : `: ${whyNot}`
      }`,
    };
  }

  return {
    tick: (isReady) => isReady ? askAlive() : askReady(),
    excuse() {
      readiness?.excuse();
      life?.excuse();
    },
    [Symbol.dispose]() {
      readiness?.[Symbol.dispose]();
      life?.[Symbol.dispose]();
    },
  };
}
