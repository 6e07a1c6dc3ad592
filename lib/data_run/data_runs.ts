// The data-taking runs of an experiment: what the table of a run says, done with messages, files
// and the states of the programs.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import type { Json } from "../message.ts";
import type { Alarms } from "../run/alarms.ts";
import type { Experiment } from "../run/experiment_file.ts";
import type { Program } from "../run/program.ts";
import type { ExperimentStatus, ProgramStatus } from "../run/program_status.ts";
import type { Verdict } from "../run/verdict.ts";
import { VERSION } from "../version.ts";
import { bootId } from "./boot.ts";
import { createKeptFile } from "./kept_file.ts";
import { followPrograms } from "./program_events.ts";
import { openRunBook } from "./run_book.ts";
import { machineOf, type RunNote, type RunRecord } from "./run_record.ts";
import {
  NO_RUN,
  type OpenRun,
  type RunAction,
  type RunEvent,
  stepRun,
  takeUpRun,
  type Transition,
  verdictOf,
} from "./run_state.ts";
import type { RunStatus, RunSummary, SafeStatus } from "./run_status.ts";
import { loadSafe, saveSafe } from "./safe_file.ts";
import { clientOf, participantsOf, problemsOf } from "./start_check.ts";
import { tellProgram, type Told } from "./tell.ts";

/** What runs need of the run controller. */
export interface RunsController {
  readonly experiment: Experiment;
  readonly alarms: Alarms;
  readonly ending: boolean;
  status(): ExperimentStatus;
  onChange(handler: (status: ProgramStatus) => void): void;
  onVerdict(handler: (program: string, verdict: Verdict) => void): void;
}

/** Options of {@linkcode createDataRuns}. */
export interface DataRunsOptions {
  readonly controller: RunsController;
  readonly client: Client;
  readonly log: Log;
  /** Where numbers are kept, and whether the experiment is safe. */
  readonly stateFolder: string;
  /** Unix time in seconds. Default: the computer's clock. */
  readonly now?: () => number;
}

/** What somebody wants of a run cannot be; the message says why, as words behind "Cannot …: ". */
export class RunRefusedError extends Error {
  override name = "RunRefusedError";
}

/** Data-taking runs. */
export interface DataRuns extends Disposable {
  /** Takes up what a controller before this one left; before the programs are taken up. */
  takeUp(): void;
  /** What is told with the status of the experiment. */
  status(): { readonly run?: RunStatus; readonly safe?: SafeStatus };
  /**
   * Starts a run; resolves when every program has said that it is ready.
   *
   * @throws {RunRefusedError} If it cannot be started, or came to nothing.
   */
  start(by: string, label: string, number?: number): Promise<RunStatus>;
  /**
   * Stops the run; resolves when every program has said that it is done, or had its time.
   *
   * @throws {RunRefusedError} If there is none.
   */
  stop(by: string): Promise<RunStatus>;
  /**
   * Writes a note into the record of a run. Default: the one that is open, else the last.
   *
   * @returns The run's number.
   * @throws {RunRefusedError} If there is no such run, or it cannot be written.
   */
  note(by: string, text: string, run?: number): number;
  /** Makes the experiment safe. */
  makeSafe(by: string, reason: string): void;
  /**
   * Somebody says that it need not be safe any more.
   *
   * @throws {RunRefusedError} If it is not safe.
   */
  leaveSafe(by: string): void;
  /** The last runs, the newest last. */
  list(count: number): RunSummary[];
  /** All that is kept of a run. */
  find(run: number): RunRecord | undefined;
  /** Ends an open run in order, before the programs are stopped. */
  shutdown(): Promise<void>;
  /** Ends an open run at once. */
  cut(): void;
  /** Calls the handler after each change. */
  onChange(handler: () => void): void;
}

/** How long the hub may take to tell who is there, in seconds. */
const ASK_SEC = 5;
const MOST_NOTES = 1000;
/** How often a sign is left that somebody looks after the run, in milliseconds. */
const TOUCH_MS = 5000;

/** Makes the data-taking runs of an experiment. */
export function createDataRuns(options: DataRunsOptions): DataRuns {
  const { controller, client, log, stateFolder, now = () => Date.now() / 1000 } = options;
  const { name: experiment, runFolder } = controller.experiment;
  const { alarms } = controller;
  const safePath = `${stateFolder}/safe`;
  const over = new AbortController();
  const handlers: (() => void)[] = [];
  const waiters = new Set<() => void>();
  let machine = NO_RUN;
  let safe: SafeStatus | undefined;
  let isShuttingDown = false;
  /** Who asked for what happens now. */
  let asker: string | undefined;

  const tellTrouble = () => {
    const problem = book.problem ?? safeFile.problem;
    if (problem === undefined) alarms.clear("runs");
    else alarms.raise("runs", "critical", `${problem}; it is kept and tried again`);
    changed();
  };
  const safeFile = createKeptFile(log, tellTrouble);
  const book = openRunBook({
    experiment,
    stateFolder,
    runFolder: runFolder ?? `${stateFolder}/runs`,
    log,
    changed: tellTrouble,
  });

  const programs = () => controller.experiment.programs;
  const programOf = (name: string): Program | undefined =>
    programs().find((one) => one.name === name);
  const statuses = () =>
    new Map(controller.status().programs.map((status) => [status.name, status]));

  function changed(): void {
    for (const handler of handlers) handler();
    for (const waiter of waiters) waiter();
  }

  /** Resolves when the condition holds; it is looked at after each change. */
  function until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  }

  function fire(event: RunEvent): void {
    const { machine: after, actions } = stepRun(machine, event);
    take(after, actions);
  }

  function take(after: typeof machine, actions: readonly RunAction[]): void {
    if (after === machine && actions.length === 0) return;
    const before = machine;
    machine = after;
    // All is on the disk before anybody is told: the next controller must know of it.
    if (after.safe !== before.safe) keepSafe(after.safe);
    const ended = actions.find((action) => action.type === "ended");
    const run = ended?.run ?? after.run;
    if (run !== undefined) {
      const { told, taints, verdict, reason } = run;
      const phase = after.phase === "idle" ? "ended" : after.phase;
      const end = ended === undefined ? {} : { end: now(), verdict: ended.verdict };
      const isUrgent = phase !== before.phase || run.told !== before.run?.told;
      book.change({ phase, told, taints, verdict, reason, ...end }, isUrgent);
    }
    if (after.phase === "running" && before.phase === "starting") {
      book.change({ started: now() });
    }
    for (const action of actions) perform(action);
    if (run !== undefined) logRun(before.run, run, after.phase !== before.phase);
    changed();
  }

  function logRun(before: OpenRun | undefined, run: OpenRun, isNewPhase: boolean): void {
    for (const taint of run.taints.slice(before?.taints.length ?? 0)) {
      log.warn(`run ${run.number} is tainted: ${taint}`);
    }
    if (!isNewPhase) return;
    const { phase } = machine;
    if (phase === "idle") {
      const verdict = verdictOf(run);
      const text = `run ${run.number} has ended: ${verdict}`;
      if (verdict === "good" || verdict === "tainted") log.info(text);
      else log.error(`${text} (${run.reason})`);
    } else if (phase === "stopping" && run.reason !== undefined) {
      log.error(`run ${run.number} is being stopped: ${run.reason}`);
    } else if (phase !== "starting") log.info(`run ${run.number} is ${phase}`);
  }

  function keepSafe(reason: string | undefined): void {
    safe = reason === undefined ? undefined : { reason, since: now(), by: asker };
    const kept = safe;
    safeFile.write(() => saveSafe(safePath, kept));
    if (safe === undefined) {
      alarms.clear("safe", `left by ${asker ?? "the controller"}`);
      log.warn(`the experiment is safe no more: ${asker ?? "the controller"} says so`);
    } else {
      log.error(`the experiment is made safe: ${safe.reason}`);
      tellOfSafe(safe);
    }
  }

  const tellOfSafe = ({ reason }: SafeStatus) =>
    alarms.raise("safe", "critical", `${reason}; when it may go on: abcd safe --leave`);

  function perform(action: RunAction): void {
    if (action.type === "tell") {
      for (const program of action.programs) tell(action.cmd, program);
    } else if (action.type === "tellSafe") tellAll("safe", { reason: action.reason });
    else if (action.type === "tellLeave") tellAll("safe-end", {});
  }

  /** What a program is told of the run that is open. */
  function messageOf(cmd: Transition, program: string, to: string, isAgain = false) {
    const { record } = book;
    const common = { cmd, to, experiment, run: record?.run };
    if (cmd === "run-start") {
      const again = isAgain ? { again: true } : {};
      const config = programOf(program)?.config ?? {};
      return { ...common, label: record?.label ?? "", config, ...again };
    }
    const { run } = machine;
    if (run === undefined) return common;
    const verdict = verdictOf(run);
    return { ...common, verdict, aborted: verdict === "aborted", reason: run.reason };
  }

  async function tellOne(cmd: Transition, program: string, isAgain = false): Promise<Told> {
    const part = book.record?.participants.find((one) => one.program === program);
    const to = part?.client ?? program;
    const message = messageOf(cmd, program, to, isAgain);
    // Not from inside the step that asks for it; and the programs may be on their way to be known.
    await Promise.resolve();
    const { state } = statuses().get(program) ?? { state: "not there" };
    if (state !== "running") return { ok: false, text: `it is ${state}`, silent: false };
    if (isShuttingDown && !client.joined) {
      return { ok: false, text: "there is no hub to tell it through", silent: true };
    }
    const timeoutSec = programOf(program)?.transitionSec ?? 30;
    const isPatient = (cmd === "run-stop" || isAgain) && !isShuttingDown;
    return await tellProgram(client, message, { timeoutSec, isPatient, signal: over.signal });
  }

  async function tell(cmd: Transition, program: string): Promise<void> {
    const run = machine.run?.number;
    const told = await tellOne(cmd, program);
    if (machine.run?.number !== run) return;
    if (told.ok) return fire({ type: "answered", program, cmd });
    log.warn(`${program}: ${cmd}: ${told.text}`);
    fire({ type: "failed", program, cmd, text: `${cmd}: ${told.text}`, silent: told.silent });
  }

  /** Programs that know nothing of it say nothing, and that is no trouble. */
  function tellAll(cmd: "safe" | "safe-end", fields: { readonly reason?: string }): void {
    for (const program of programs()) tellSafe(program, cmd, fields);
  }

  async function tellSafe(program: Program, cmd: "safe" | "safe-end", fields: object) {
    const { name, transitionSec: timeoutSec } = program;
    const message = { cmd, to: clientOf(program), experiment, ...fields };
    const told = await tellProgram(client, message, {
      timeoutSec,
      isPatient: false,
      signal: over.signal,
    });
    if (told.ok) log.info(`${name}: ${cmd}: yes`);
    else if (told.silent) log.debug(`${name}: ${cmd}: ${told.text}`);
    else log.debug(`${name}: ${cmd}: ${told.text}`);
  }

  /** A program that comes back into a run is told of it again. */
  async function tellAgain(program: string): Promise<void> {
    const run = machine.run?.number;
    const told = await tellOne("run-start", program, true);
    if (machine.run?.number !== run || machine.phase !== "running") return;
    if (told.ok) log.info(`${program}: is in run ${run} again`);
    else fire({ type: "taint", text: `${program}: is not in the run again: ${told.text}` });
  }

  followPrograms({
    controller,
    now,
    inRun: () =>
      book.record !== undefined && book.record.phase !== "ended" ? book.record.programs : undefined,
    keep: (kept) => book.change({ programs: kept }),
    gone: (event) => {
      // What ends because everything is being stopped harms no run, and nothing is lost.
      if (controller.ending && machine.phase === "idle") return;
      fire(event);
    },
    ready(program) {
      if (machine.phase === "running" && machine.run?.told.includes(program)) tellAgain(program);
      const settings = programOf(program);
      if (safe !== undefined && settings !== undefined) {
        tellSafe(settings, "safe", { reason: safe.reason });
      }
    },
    changed: endIfNobodyIsLeft,
  });

  /** A run in which nobody takes data any more is none. */
  function endIfNobodyIsLeft(): void {
    const { run, phase } = machine;
    if (run === undefined || phase !== "running") return;
    const known = statuses();
    const names = run.participants.length > 0
      ? run.participants.map(({ program }) => program)
      : [...known.keys()];
    const isGone = (name: string) =>
      ["stopped", "exited", "fatal"].includes(known.get(name)?.state ?? "stopped");
    if (names.length > 0 && names.every(isGone)) {
      fire({ type: "interrupt", reason: `no program is left in it: ${names.join(", ")}` });
    }
  }

  /** What each program's client said of itself to the hub; nothing is known without a hub. */
  async function infos(): Promise<ReadonlyMap<string, Json>> {
    if (!client.joined) return new Map();
    const clients = await client.clients({ timeoutSec: ASK_SEC });
    const byName = new Map(clients.map(({ name, info }) => [name, info]));
    return new Map(
      programs().flatMap((program) => {
        const info = byName.get(clientOf(program));
        return info === undefined ? [] : [[program.name, info]];
      }),
    );
  }

  /** Everything that forbids a start; else what the programs said of themselves. */
  async function checkStart(): Promise<ReadonlyMap<string, Json>> {
    const refuse = (texts: readonly string[]) => {
      if (texts.length > 0) throw new RunRefusedError(texts.join("; "));
    };
    refuse(problems());
    let known: ReadonlyMap<string, Json>;
    try {
      known = await infos();
    } catch (error) {
      throw new RunRefusedError(error instanceof Error ? error.message : String(error));
    }
    // The hub took its time, and by now it may be otherwise.
    refuse(problems());
    const find = statuses();
    const parts = participantsOf(programs(), (name) => find.get(name));
    refuse(
      parts.flatMap(({ program, client: name }) =>
        known.has(program) ? [] : [`${program}: no client "${name}" is in the hub`]
      ),
    );
    return known;
  }

  function problems(): readonly string[] {
    const known = statuses();
    const find = (name: string) => known.get(name);
    const { run, phase } = machine;
    const all: string[] = [];
    if (controller.ending || isShuttingDown) all.push("the experiment is being stopped");
    if (safe !== undefined) {
      all.push(`the experiment is safe: ${safe.reason}. When it may go on: abcd safe --leave`);
    }
    if (run !== undefined) all.push(`run ${run.number} is ${phase}; stop it first`);
    const { problem = safeFile.problem } = book;
    if (problem !== undefined) all.push(problem);
    all.push(...problemsOf(programs(), find));
    if (participantsOf(programs(), find).length > 0 && !client.joined) {
      all.push("there is no hub, and the programs are told through it");
    }
    return all;
  }

  function openRecord(
    by: string,
    label: string,
    number: number | undefined,
    infos: ReadonlyMap<string, Json>,
  ): RunRecord {
    const known = statuses();
    return book.open({
      version: 1,
      label,
      experiment,
      phase: "starting",
      taints: [],
      begin: now(),
      startedBy: by,
      participants: participantsOf(programs(), (name) => known.get(name)),
      told: [],
      programs: {},
      notes: [],
      gaps: [],
      config: JSON.parse(JSON.stringify(controller.experiment)),
      versions: {
        abcd: VERSION,
        deno: Deno.version.deno,
        programs: Object.fromEntries(infos),
      },
      bootId: bootId(),
    }, number);
  }

  function runStatus(): RunStatus | undefined {
    const { run, phase } = machine;
    const { record } = book;
    if (record === undefined) {
      return programs().some(({ runOrder }) => runOrder !== undefined) ? { phase } : undefined;
    }
    const { run: number, label, begin, end } = record;
    const { verdict, reason, taints } = run === undefined
      ? record
      : { ...run, verdict: verdictOf(run) };
    const waiting = run === undefined ? {} : { waiting: run.waiting };
    return { phase, number, label, begin, end, verdict, reason: reason ?? taints[0], ...waiting };
  }

  const statusNow = (): RunStatus => runStatus() ?? { phase: machine.phase };

  const touching = setInterval(() => {
    if (machine.run !== undefined) book.touch();
  }, TOUCH_MS);

  function takeUpRecord(record: RunRecord): void {
    const { run, begin } = record;
    const seen = Math.max(begin, book.lookedAfter ?? begin);
    machine = { ...machineOf(record), safe: safe?.reason };
    if (record.bootId !== undefined && record.bootId !== bootId()) {
      log.error(`run ${run} was open when the computer was restarted`);
      fire({ type: "cut", reason: "the computer was restarted" });
      return book.change({ end: seen }, true);
    }
    const gap = { from: seen, to: now() };
    book.change({ gaps: [...record.gaps, gap] }, true);
    log.warn(
      `run ${run} goes on; for ${Math.round(gap.to - gap.from)} s no controller looked after it`,
    );
    const { machine: after, actions } = takeUpRun(machine);
    take(after, actions);
    if (safe !== undefined) fire({ type: "interrupt", reason: safe.reason });
  }

  return {
    takeUp() {
      safe = loadSafe(safePath, now());
      machine = { phase: "idle", safe: safe?.reason };
      if (safe !== undefined) {
        log.error(`the experiment is safe: ${safe.reason}`);
        tellOfSafe(safe);
        const { reason } = safe;
        // Nobody knows who had heard of it.
        queueMicrotask(() => tellAll("safe", { reason }));
      }
      const { record } = book;
      if (record !== undefined && record.phase !== "ended") takeUpRecord(record);
    },
    status: () => ({ run: runStatus(), safe }),
    async start(by, label, number) {
      const infos = await checkStart();
      let record: RunRecord;
      try {
        record = openRecord(by, label, number, infos);
      } catch (error) {
        throw new RunRefusedError(error instanceof Error ? error.message : String(error));
      }
      const { run, participants } = record;
      log.info(`run ${run} is starting${label === "" ? "" : ` (${label})`}: asked by ${by}`);
      fire({ type: "start", number: run, participants });
      await until(() => machine.run?.number !== run || machine.phase === "running");
      if (machine.phase === "running" && machine.run?.number === run) return statusNow();
      const { reason = "it was stopped" } = book.find(run) ?? {};
      throw new RunRefusedError(`${reason}; run ${run} is aborted`);
    },
    async stop(by) {
      const run = machine.run?.number;
      if (run === undefined) throw new RunRefusedError("there is no run");
      book.change({ stoppedBy: by });
      log.info(`run ${run}: stop asked by ${by}`);
      fire({ type: "stop", reason: `stopped by ${by} before it began` });
      await until(() => machine.run?.number !== run);
      return statusNow();
    },
    note(by, text, run) {
      const record = run === undefined ? book.record : book.find(run);
      if (record === undefined) {
        throw new RunRefusedError(run === undefined ? "there was no run yet" : `no run ${run}`);
      }
      if (record.notes.length >= MOST_NOTES) {
        throw new RunRefusedError(`run ${record.run} has ${MOST_NOTES} notes already`);
      }
      const note: RunNote = { time: now(), by, text };
      if (machine.run?.number === record.run) {
        book.change({ notes: [...record.notes, note] }, true);
      } else {
        book.noteIn(record, note);
      }
      log.info(`run ${record.run}: note by ${by}: ${text}`);
      changed();
      return record.run;
    },
    makeSafe(by, reason) {
      asker = by;
      fire({ type: "safe", reason });
      asker = undefined;
    },
    leaveSafe(by) {
      if (safe === undefined) throw new RunRefusedError("the experiment is not safe");
      asker = by;
      fire({ type: "leaveSafe" });
      asker = undefined;
    },
    list: book.list,
    find: book.find,
    async shutdown() {
      isShuttingDown = true;
      if (machine.run === undefined) return;
      log.info(`run ${machine.run.number} is stopped before the programs are`);
      book.change({ stoppedBy: "the end of the controller" });
      fire({ type: "stop", reason: "the controller was stopped before it began" });
      await until(() => machine.run === undefined);
    },
    cut() {
      fire({ type: "cut", reason: "the controller was told to end at once" });
    },
    onChange: (handler) => void handlers.push(handler),
    [Symbol.dispose]() {
      clearInterval(touching);
      over.abort();
      book[Symbol.dispose]();
      safeFile[Symbol.dispose]();
    },
  };
}
