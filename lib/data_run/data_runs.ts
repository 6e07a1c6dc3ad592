// The data-taking runs of an experiment: what the table of a run says, done with messages, files
// and the states of the programs.

import { clientOf } from "../experiment/program.ts";
import { VERSION } from "../version.ts";
import { bootId } from "./boot_id.ts";
import { createRunDriver } from "./drive_run.ts";
import { followPrograms } from "./follow_programs.ts";
import { openRunBook } from "./run_book.ts";
import type { RunNote, RunRecord } from "./run_record.ts";
import { allGone } from "./participants.ts";
import type { RunAction, Transition } from "./run_state.ts";
import { runStatusOf } from "./run_status_of.ts";
import type { RunStatus } from "../status/run_status.ts";
import type { DataRuns, DataRunsOptions } from "./contract.ts";
import { checkStart, RunRefusedError } from "./check_start.ts";
import { lookForLost, takeUpOpenRun } from "./take_up_run.ts";
import { createTimedRuns, type RunPlan } from "./timed_runs.ts";
import { createTeller } from "./tell_programs.ts";

const MOST_NOTES = 1000;
/** How often a sign is left that somebody looks after the run, in milliseconds. */
const TOUCH_MS = 5000;

/** Makes the data-taking runs of an experiment. */
export function createDataRuns(options: DataRunsOptions): DataRuns {
  const { controller, client, log, stateFolder, now = () => Date.now() / 1000 } = options;
  const { name: experiment, runFolder } = controller.experiment;
  const folder = runFolder ?? `${stateFolder}/runs`;
  const handlers: (() => void)[] = [];
  let isEnding = false;

  function changed(): void {
    const problem = book.problem ?? driver.problem;
    if (problem === undefined) controller.alarms.clear("runs");
    else controller.alarms.raise("runs", "critical", `${problem}; it is kept and tried again`);
    for (const handler of handlers) handler();
    timed.changed();
  }

  const book = openRunBook({
    experiment,
    stateFolder,
    runFolder: folder,
    log,
    changed,
  });
  const driver = createRunDriver({
    book,
    safePath: `${stateFolder}/safe`,
    alarms: controller.alarms,
    log,
    now,
    perform,
    changed,
  });
  const teller = createTeller({
    controller,
    client,
    log,
    machine: () => driver.machine,
    record: () => book.record,
    isEnding: () => isEnding,
  });

  const timed = createTimedRuns({
    book,
    driver,
    alarms: controller.alarms,
    log,
    now,
    isEnding: () => isEnding || controller.ending,
    start,
  });

  function perform(action: RunAction): void {
    if (action.type === "tell") {
      for (const program of action.programs) tell(action.cmd, program);
    } else if (action.type === "tellSafe") teller.safe("safe", action.reason);
    else if (action.type === "tellLeave") teller.safe("safe-end");
  }

  const openNumber = () => driver.machine.run?.number;

  async function tell(cmd: Transition, program: string): Promise<void> {
    const run = openNumber();
    const told = await teller.transition(cmd, program);
    if (openNumber() !== run) return;
    if (told.ok) return driver.fire({ type: "answered", program, cmd });
    const text = `${cmd}: ${told.text}`;
    log.warn(`${program}: ${text}`);
    driver.fire({ type: "failed", program, cmd, text, silent: told.silent });
  }

  /** A program that comes back into a run is told of it again. */
  async function tellAgain(program: string): Promise<void> {
    const run = openNumber();
    const told = await teller.transition("run-start", program, true);
    if (openNumber() !== run || driver.machine.phase !== "running") return;
    if (told.ok) return log.info(`${program}: is in run ${run} again`);
    driver.fire({ type: "taint", text: `${program}: is not in the run again: ${told.text}` });
  }

  /** A run in which nobody takes data any more is none. */
  function endIfNobodyIsLeft(): void {
    const { run, phase } = driver.machine;
    if (run === undefined || phase !== "running") return;
    const names = allGone(run.participants, controller.status().programs);
    if (names === undefined) return;
    driver.fire({ type: "interrupt", reason: `no program is left in it: ${names.join(", ")}` });
  }

  followPrograms({
    controller,
    now,
    inRun: () => driver.machine.run === undefined ? undefined : book.record?.programs,
    keep: (programs) => book.change({ programs }),
    gone(event) {
      // What ends because everything is being stopped harms no run, and nothing is lost.
      if (!controller.ending || driver.machine.phase !== "idle") driver.fire(event);
    },
    ready(program) {
      const { phase, run } = driver.machine;
      if (phase === "running" && run?.told.includes(program)) tellAgain(program);
      if (driver.safe !== undefined) teller.safeOne(program, driver.safe.reason);
    },
    changed: endIfNobodyIsLeft,
  });

  // Who was not in the hub when all was made safe is told when it comes, or when the hub is back: a high
  // voltage, too, may be away for just that moment. Who hears it twice does nothing more.
  const offs = [
    client.subscribe("_hub/joined", ({ from, name }) => {
      if (from !== "_hub" || driver.safe === undefined) return;
      for (const program of controller.experiment.programs) {
        if (clientOf(program) === name) teller.safeOne(program.name, driver.safe.reason);
      }
    }),
    client.addEventListener("joined", () => {
      if (driver.safe !== undefined) teller.safe("safe", driver.safe.reason);
    }),
  ];

  const touching = setInterval(() => {
    if (driver.machine.run !== undefined) book.touch();
  }, TOUCH_MS);

  /** What of the runs themselves forbids a start. */
  function problems(): string[] {
    const { machine: { run, phase }, safe } = driver;
    const problem = book.problem ?? driver.problem;
    return [
      ...(controller.ending || isEnding ? ["the experiment is being stopped"] : []),
      ...(safe === undefined
        ? []
        : [`the experiment is safe: ${safe.reason}. When it may go on: abcd safe --leave`]),
      ...(run === undefined ? [] : [`run ${run.number} is ${phase}; stop it first`]),
      ...(problem === undefined ? [] : [problem]),
    ];
  }

  function runStatus(): RunStatus | undefined {
    const has = controller.experiment.programs.some(({ runOrder }) => runOrder !== undefined);
    return book.record === undefined && !has ? undefined : runStatusOf(driver.machine, book.record);
  }

  const statusNow = (): RunStatus => runStatusOf(driver.machine, book.record);

  async function start(
    by: string,
    label: string,
    plan: RunPlan & { readonly number?: number; readonly isWanted?: () => boolean } = {},
  ): Promise<RunStatus> {
    const { isWanted = () => true } = plan;
    const { participants, infos } = await checkStart(controller, client, () => [
      ...problems(),
      ...(isWanted() ? [] : ["somebody has stopped the series"]),
    ]);
    let record: RunRecord;
    try {
      record = book.open({
        version: 1,
        label,
        experiment,
        phase: "starting",
        taints: [],
        begin: now(),
        startedBy: by,
        forSec: plan.forSec,
        repeat: plan.repeat,
        participants,
        told: [],
        programs: {},
        notes: [],
        gaps: [],
        config: JSON.parse(JSON.stringify(controller.experiment)),
        versions: { abcd: VERSION, deno: Deno.version.deno, programs: infos },
        bootId: bootId(),
      }, plan.number);
    } catch (error) {
      throw new RunRefusedError(error instanceof Error ? error.message : String(error));
    }
    const { run } = record;
    log.info(`run ${run} is starting${label === "" ? "" : ` (${label})`}: asked by ${by}`);
    driver.fire({ type: "start", number: run, participants });
    await driver.until(() => openNumber() !== run || driver.machine.phase === "running");
    if (openNumber() === run) return statusNow();
    const { reason = "it was stopped" } = book.find(run) ?? {};
    throw new RunRefusedError(`${reason}; run ${run} is aborted`);
  }

  return {
    folder,
    takeUp() {
      takeUpOpenRun({ book, driver, log, now, bootId: bootId() });
      const { safe } = driver;
      // The programs are taken up in the same turn.
      queueMicrotask(() => {
        lookForLost(controller, driver);
        // Nobody knows who had heard of it.
        if (safe !== undefined) teller.safe("safe", safe.reason);
        timed.changed();
      });
    },
    status: () => ({ run: runStatus(), safe: driver.safe }),
    start,
    async stop(by, number) {
      const run = openNumber();
      const last = book.record?.run;
      if (number !== undefined && number !== last && run !== undefined) {
        throw new RunRefusedError(`it is run ${run} by now, not run ${number}`);
      }
      const isCancelled = timed.cancel();
      if (run === undefined) {
        if (isCancelled) return statusNow();
        throw new RunRefusedError("there is no run");
      }
      if (driver.machine.phase !== "stopping") book.change({ stoppedBy: by });
      log.info(`run ${run}: stop asked by ${by}`);
      driver.fire({ type: "stop", reason: `stopped by ${by} before it began` });
      await driver.until(() => openNumber() !== run);
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
      const isOpen = openNumber() === record.run;
      if (isOpen) book.change({ notes: [...record.notes, note] }, true);
      else book.noteIn(record, note);
      log.info(`run ${record.run}: note by ${by}: ${text}`);
      return { run: record.run, problem: isOpen ? book.problem : undefined };
    },
    makeSafe: (by, reason) => driver.fire({ type: "safe", reason }, by),
    leaveSafe(by) {
      if (driver.safe === undefined) throw new RunRefusedError("the experiment is not safe");
      driver.fire({ type: "leaveSafe" }, by);
    },
    list: book.list,
    find: book.find,
    async shutdown() {
      isEnding = true;
      timed.cancel();
      const run = openNumber();
      if (run === undefined) return;
      log.info(`run ${run} is stopped before the programs are`);
      book.change({ stoppedBy: "the end of the controller" });
      driver.fire({ type: "stop", reason: "the controller was stopped before it began" });
      await driver.until(() => openNumber() === undefined);
    },
    cut: () => driver.fire({ type: "cut", reason: "the controller was told to end at once" }),
    onChange: (handler) => void handlers.push(handler),
    [Symbol.dispose]() {
      clearInterval(touching);
      for (const off of offs) off();
      timed[Symbol.dispose]();
      teller[Symbol.dispose]();
      book[Symbol.dispose]();
      driver[Symbol.dispose]();
    },
  };
}
