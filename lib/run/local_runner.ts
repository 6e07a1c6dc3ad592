// A program on this computer: the table's state, the start it belongs to, and what is kept of both.

import type { Program } from "../experiment/program.ts";
import { LOOKS_HERE } from "../process/look.ts";
import { bootId, type ProcessStat } from "../process/proc_fs.ts";
import { hasRoomBeside } from "../process/open_log.ts";
import { openProgramLog } from "../process/program_log.ts";
import { screenSession } from "../process/screen.ts";
import { adoptStart, forgetStart, startProgram } from "../process/spawn.ts";
import type { MemoryVerdict } from "../process/out_of_memory.ts";
import type { Ended, Start } from "../process/start_contract.ts";
import { isGone } from "./dependencies.ts";
import { leftBy } from "./leftovers.ts";
import {
  type Launcher,
  type LocalContext,
  type LocalRunner,
  NotAllowedError,
} from "./local_contract.ts";
import { isCalm, localStatus } from "./local_status.ts";
import { type Watch, watchProgram } from "./probes.ts";
import {
  howItEnded,
  isGoodEnd,
  newMachine,
  type ProgramAction,
  type ProgramEvent,
  step,
} from "./program_state.ts";
import { createRecordKeeper, withVerdict } from "./keep_record.ts";
import { type ProgramRecord, restoreMachine, settingsText } from "./record.ts";
import { CALM_MS, SOON_MS, TICK_MS } from "./runner.ts";
import { createLogWatch } from "./log_watch.ts";
import { createSince } from "./since.ts";
import { createSignals } from "./signals.ts";
import { createTelling } from "./tell_program.ts";
import { type EndInStep, unexpectedEnd, verdictOf } from "./unexpected_end.ts";
import { createUsageWatch } from "./usage.ts";
import type { Verdict } from "./verdict.ts";

/** Lines of output that go with an unexpected end. */
const LAST_LINES = 20;
/** Looks by pid alone, or none where the end is told, up to one that makes sure. */
const SURE_POLLS = 30;

const HERE: Launcher = {
  start: startProgram,
  adopt: adoptStart,
  forget: (_, base) => forgetStart(base),
  looks: LOOKS_HERE,
};

/** Makes the runner of a program that nobody has asked for yet. */
export function createLocalRunner(first: Program, context: LocalContext): LocalRunner {
  const { log, now, launcher = HERE } = context;
  const isHere = context.launcher === undefined;
  const { name } = first;
  let program = first;
  let machine = newMachine(now());
  const since = createSince();
  let start: Start | undefined;
  /** The start's process has ended, and the table knows. */
  let endTold = true;
  let runId: string | undefined;
  let logFrom: number | undefined;
  const output = openProgramLog({
    path: context.logPath(name),
    warn: (text) => log.warn(`${name}: ${text}`),
    moved(bytes) {
      if (logFrom === undefined) return;
      logFrom -= bytes;
      save();
    },
  });
  const logWatch = createLogWatch(name, output.path);
  const signals = createSignals({ name, log, now });
  let verdicts: readonly Verdict[] = [];

  function record(closed = false): ProgramRecord {
    const leftMs = machine.deadline === undefined ? undefined : machine.deadline - now();
    const settings = settingsText(program);
    const boot = isHere ? bootId() : undefined;
    const { time } = since;
    return {
      ...{ version: 1, settings, machine, leftMs, since: time, runId, logFrom, closed, boot },
      verdicts,
    };
  }

  const keep = createRecordKeeper(name, context);
  const save = (closed = false) => keep(record(closed));

  function tail(): readonly string[] {
    return output.tail(LAST_LINES, logFrom);
  }

  const tell = createTelling({ name, log, tail, changed: () => context.changed(runner) });

  /** Keeps and tells what is known of an unexpected end. */
  function tellEnd(end: EndInStep, memory: MemoryVerdict | undefined): void {
    const verdict = verdictOf({
      ...end,
      machine,
      program,
      memory,
      lastLines: tail(),
      now: now(),
    });
    verdicts = withVerdict(verdicts, verdict);
    save();
    context.verdict(runner, verdict);
  }

  function fire(event: ProgramEvent, ended?: Ended, memory?: MemoryVerdict): void {
    const before = machine;
    const { machine: after, actions } = step(before, event, now(), program);
    if (after === before) return;
    machine = after;
    const moved = machine.since !== before.since || machine.state !== before.state;
    if (moved) since.time = Date.now() / 1000;
    const spawns = actions.some(({ type }) => type === "spawn");
    const old = start;
    const oldId = runId;
    // Kept before it is said or done: a controller that dies in between is found out by the next.
    if (spawns) runId = context.newId(name);
    save();
    if (moved) tell.step(before, machine, event);
    else if (machine.ready !== before.ready) log.info(`${name}: ready`);
    const end = unexpectedEnd({ before, after: machine, event, ended, program, now: now() });
    if (end !== undefined) tellEnd(end, memory);
    // The lines above are of the start that ended; what comes now is of the next.
    if (spawns) logFrom = output.end();
    for (const action of actions) perform(action, old);
    if (spawns) {
      if (oldId !== undefined) launcher.forget(oldId, context.basePath(oldId));
      save();
    }
    // It has run for long enough: what failed before is over.
    const isOver = machine.failures < before.failures;
    if (moved || machine.ready !== before.ready || isOver) context.changed(runner);
  }

  function perform(action: ProgramAction, target: Start | undefined): void {
    if (action.type === "spawn") return spawn();
    if (action.type === "alarm") return log.error(`${name}: ${action.text}`);
    if (target !== undefined) signals.send(action.signal, target, endTold);
  }

  function spawn(): void {
    const id = runId ?? context.newId(name);
    signals.reset();
    // With a `startSec` of 0 nobody has seen it but running: what was found of the one before is not of this one.
    unwatch();
    if (isHere) logWatch.starts();
    try {
      start = launcher.start({
        argv: context.command(program),
        cwd: program.cwd,
        env: context.environment(program),
        logPath: output.path,
        id,
        base: context.basePath(id),
        screen: program.screen ? screenSession(name) : undefined,
      });
    } catch (error) {
      start = undefined;
      endTold = true;
      const why = error instanceof Error ? error.message : String(error);
      const missing = error instanceof Deno.errors.NotFound || error instanceof NotAllowedError;
      // Not from inside the transition that asked for it.
      return queueMicrotask(() =>
        fire({ type: "spawnFailed", reason: `cannot be started: ${why}`, missing })
      );
    }
    endTold = false;
    start.shellEnded.then(() => runner.look());
  }

  function lookAtProcess(): void {
    if (start === undefined || endTold) return;
    const wasKnown = start.pid;
    const view = start.look();
    if (view.state === "alive") {
      if (isAdopting) log.info(`${name}: adopted, pid ${view.pid} on ${program.host}`);
      isAdopting = false;
      if (wasKnown === undefined) save();
      signals.again(start);
    }
    if (view.state !== "ended") return;
    endTold = true;
    isGroupAsked = false;
    logWatch.ended();
    const { code, signal, pid, startedAt } = view.ended;
    if (machine.state === "stopping") log.info(`${name}: ${howItEnded(code, signal)}`);
    const ended = start;
    const { state } = machine;
    // It costs a look at all processes: only where it says something.
    const mayHide = isHere && state === "starting" && isGoodEnd(program, code, signal);
    const left = mayHide ? leftBy(ended) : undefined;
    const isKilled = signal === "SIGKILL" && state !== "stopping";
    const memory = isKilled ? context.outOfMemory.judge({ pid, startedAt }) : undefined;
    const outOfMemory = memory?.outOfMemory === "yes";
    fire({ type: "exited", code, signal, left, outOfMemory }, view.ended, memory);
    if (state !== "stopping") context.over(name, ended);
  }

  let watch: Watch | undefined;
  function unwatch(): void {
    watch?.[Symbol.dispose]();
    watch = undefined;
  }

  function probe(): void {
    if (machine.state !== "running") return unwatch();
    if (watch === undefined) {
      const { presence } = context;
      const { looks } = launcher;
      const environment = context.environment(program);
      const canLog = () => logWatch.trouble === undefined && hasRoomBeside(output.path);
      watch = watchProgram(program, { now, presence, output, canLog, logFrom, environment, looks });
    }
    // Of a computer that is not reached its lines do not come either, nor its client to the hub.
    if (start?.trouble !== undefined) return watch.excuse();
    const event = watch.tick(machine.ready);
    if (event !== undefined) fire(event);
  }

  let isGroupAsked = false;
  function look(all?: () => readonly ProcessStat[]): void {
    lookAtProcess();
    // On another computer it may not have been started yet.
    const isUnsure = !isHere && machine.state === "starting" && start?.look().state === "starting";
    const isDue = machine.deadline !== undefined && now() >= machine.deadline;
    if (isDue && !isUnsure) fire({ type: "tick" });
    if (machine.state !== "stopping" || !endTold) return;
    // One look at all processes serves all that stop at once: with the next tick, which is soon.
    if (all === undefined) return;
    isGroupAsked = true;
    if (start?.hasGroup(all()) === true) return;
    const ended = start;
    signals.reset();
    fire({ type: "groupGone" });
    if (ended !== undefined) context.over(name, ended);
  }

  let polls = 0;
  /** Taken up from a controller before this one, and not seen yet. */
  let isAdopting = false;

  const usage = createUsageWatch();
  const runner: LocalRunner = {
    get program() {
      return program;
    },
    get machine() {
      return machine;
    },
    output,
    get mayRun() {
      return !isGone(runner);
    },
    get verdicts() {
      return verdicts;
    },
    get unstoppable() {
      return machine.state === "stopping" ? signals.trouble : undefined;
    },
    get lostLog() {
      return logWatch.trouble;
    },
    fire: (event) => fire(event),
    look,
    get patienceMs() {
      if (machine.state === "stopping" && endTold && !isGroupAsked) return SOON_MS;
      const { deadline } = machine;
      const due = deadline === undefined ? CALM_MS : Math.max(1, deadline - now());
      return Math.min(due, isCalm(machine, program) ? CALM_MS : TICK_MS);
    },
    tick({ isPoll, isThere, processes }) {
      const isDue = machine.deadline !== undefined && now() >= machine.deadline;
      // A pid that is there is that of the program, as good as surely: now and then it is made sure.
      const isSame = isHere && isPoll && polls++ % SURE_POLLS !== 0 && start?.pid !== undefined &&
        (start.tellsEnd || isThere(start.pid));
      if ((isPoll && !isSame) || isDue || machine.state === "stopping") look(processes);
      probe();
      if (isPoll) output.keepSmall(program.log);
      if (!isHere) tell.reach(program.host, endTold ? undefined : start?.trouble);
      if (isHere && isPoll && !endTold && start?.pid !== undefined) {
        logWatch.look(start.pid, program.log.maxBytes);
      }
      tell.troubles(runner.unstoppable, runner.lostLog);
    },
    probe,
    measure(processes) {
      const pid = start?.pid;
      if (pid === undefined || isGone(runner)) return usage.forget();
      const seen = launcher.seen === undefined
        ? { all: processes(), at: performance.now() }
        : launcher.seen();
      if (seen === undefined) return;
      const reason = usage.measure(pid, seen, program.memoryMaxBytes);
      if (reason !== undefined) fire({ type: "aliveFailed", reason });
    },
    status: () =>
      localStatus({
        program,
        machine,
        start: endTold ? undefined : start,
        unstoppable: runner.unstoppable,
        lastLines: start === undefined ? [] : tail(),
        since: since.time,
        usage: usage.usage,
        isHere,
        presence: context.presence,
        now: now(),
      }),
    change(next) {
      // Its stop still goes by the settings that it was started with.
      if (["starting", "running", "backoff"].includes(machine.state)) fire({ type: "restart" });
      if (["exited", "fatal"].includes(machine.state)) fire({ type: "start" });
      program = next;
      save();
    },
    restore(kept) {
      verdicts = kept.verdicts;
      runId = kept.runId;
      logFrom = kept.logFrom;
      if (kept.closed) return;
      machine = restoreMachine(kept, now());
      since.time = kept.since;
      if (runId === undefined) return;
      endTold = !["starting", "running", "stopping"].includes(machine.state);
      if (endTold && !isHere) return;
      start = launcher.adopt(runId, context.basePath(runId), output.path);
      if (endTold) return;
      const view = start.look();
      if (view.state === "alive") log.info(`${name}: adopted, pid ${view.pid}`);
      isAdopting = !isHere;
      if (machine.state === "stopping") {
        perform({ type: "signal", signal: program.stopSignal }, start);
      }
    },
    adopt(id) {
      runId = id;
      start = launcher.adopt(id, context.basePath(id), output.path);
      endTold = false;
      machine = {
        ...newMachine(now()),
        state: "starting",
        reason: "found running, without a state that was kept",
        deadline: now() + program.startSec * 1000,
      };
      log.warn(
        `${name}: found running (pid ${start.look().state === "alive" ? start.pid : "?"}) ` +
          `without a state that was kept; adopted`,
      );
      save();
    },
    remember() {
      if (!endTold) start?.remember();
    },
    close() {
      const isClosed = isGone(runner);
      if (!isClosed) {
        // The next controller takes it up.
        const why = runner.unstoppable ?? `${program.host} cannot be reached`;
        log.warn(`${name}: not stopped: ${why}; it may run on there`);
        machine = { ...machine, state: "running", reason: "left running", deadline: undefined };
      }
      save(isClosed);
    },
    forget() {
      // On this computer the next start of the name clears it away; elsewhere nobody would.
      if (!isHere && runId !== undefined) launcher.forget(runId, context.basePath(runId));
    },
    [Symbol.dispose]: unwatch,
  };
  return runner;
}
