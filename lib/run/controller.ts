// The run controller: the programs of an experiment, in the order of what they depend on.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import { listPids, listProcesses, type ProcessStat } from "../process/proc_fs.ts";
import { watchOutOfMemory } from "../process/out_of_memory.ts";
import type { ProgramLog } from "../process/program_log.ts";
import { type Alarm, type Alarms, createAlarms } from "../status/alarms.ts";
import { newStartId, programOfFile, startBase } from "./adoption.ts";
import { describeUnmet, restartsWith, type Standing, stopsNext, unmet } from "./dependencies.ts";
import { watchDisks } from "./disk_watch.ts";
import type { Experiment } from "../experiment/experiment_file.ts";
import { createLeftovers } from "./leftovers.ts";
import { type Elsewhere, type ElsewhereOptions, NOWHERE, type RemoteLines } from "./elsewhere.ts";
import { createLocalRunner, type LocalContext, type LocalRunner } from "./local_runner.ts";
import { watchPresence } from "./presence.ts";
import { clientOf, type Program } from "../experiment/program.ts";
import { ALARM_STARTS } from "./program_state.ts";
import { writeAbcdCommand } from "./program_path.ts";
import type { ExperimentStatus, ProgramStatus } from "../status/program_status.ts";
import { isLasting, type ProgramRecord } from "./record.ts";
import { type Reloaded, reloadPrograms } from "./reload.ts";
import { CALM_MS, type Runner, TICK_MS } from "./runner.ts";
import type { StateFolder } from "./state_folder.ts";
import { takeUp } from "./take_up.ts";
import type { Verdict } from "./verdict.ts";

/** Options of {@linkcode createController}. */
export interface ControllerOptions {
  readonly experiment: Experiment;
  readonly log: Log;
  /** Where it keeps what the next controller must know; the caller closes it at the end. */
  readonly folder: StateFolder;
  /** Where the programs' output goes: `PROGRAM.log` each. */
  readonly logFolder: string;
  /** The hub's client, which may or may not be in a hub. Absent: none. */
  readonly client?: Client;
  /** The hub's address if it is known before the client joins. */
  readonly server?: string;
  /** UDP port on which the programs listen for the hub. Default: their own default. */
  readonly beaconPort?: number;
  /**
   * What to start a program with. Default: what its settings say.
   *
   * @throws {NotAllowedError} If it may not be started.
   */
  readonly command?: (program: Program) => readonly string[];
  /** Opens what runs programs on other computers. Default: there are none. */
  readonly openElsewhere?: (options: ElsewhereOptions) => Elsewhere;
  /** Monotonic clock, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** A running experiment. */
export interface Controller {
  /** Takes up what a controller before this one left, and starts what is missing. */
  start(): void;
  /** The file's content, as it was read last. */
  readonly experiment: Experiment;
  /** What somebody should look at. */
  readonly alarms: Alarms;
  /** What there is to know now. */
  status(): ExperimentStatus;
  /** Adds to what {@linkcode status} tells, from now on. */
  alsoTell(more: () => Partial<ExperimentStatus>): void;
  /** The programs' names, in the order of the file. */
  readonly names: readonly string[];
  /** What is told to some programs: `start`, `stop`, `restart`; `kill` stops at once. */
  tell(what: "start" | "stop" | "restart" | "kill", names: readonly string[]): void;
  verdicts(name: string): readonly Verdict[];
  /** A program's output, if it is on this computer. */
  output(name: string): ProgramLog | undefined;
  /** The last lines of those of these programs that are on hosts; new ones go to who follows. */
  remoteLines(names: readonly string[], count: number, follow?: string): Promise<RemoteLines>;
  /** The file that it is in. */
  logPath(name: string): string;
  /** Takes over a file that was read again: what did not change is not touched. */
  reload(experiment: Experiment): Reloaded;
  /** Whether it is ending. */
  readonly ending: boolean;
  /**
   * Stops all in reverse order of `dependsOn`; resolves when all are gone, to the names of those that
   * may run on, as their computers could not be reached.
   */
  shutdown(): Promise<readonly string[]>;
  /** Kills all at once; {@linkcode shutdown} resolves soon after. */
  kill(): void;
  /** Lets go of the programs, which run on for the next controller. */
  leave(): void;
  /** Calls the handler after each change of a program's state. */
  onChange(handler: (status: ProgramStatus) => void): void;
  onVerdict(handler: (program: string, verdict: Verdict) => void): void;
  /** Calls the handler for each alarm that is raised, changes, or is over. */
  onAlarm(handler: (alarm: Alarm) => void): void;
}

/** The look at processes of which no file tells that they ended, in milliseconds. */
const POLL_MS = 1000;
/** Between two looks at processor and memory, in milliseconds. */
const MEASURE_MS = 5000;
/** At the end of all, programs on hosts that are away are waited for this long, in milliseconds. */
const UNREACHABLE_MS = 10_000;

/** Makes the controller of an experiment; nothing starts yet. */
export function createController(options: ControllerOptions): Controller {
  const { log, folder, logFolder, client, now = () => performance.now() } = options;
  const { openElsewhere = () => NOWHERE } = options;
  let { experiment } = options;
  const bin = writeAbcdCommand(folder.path);
  Deno.mkdirSync(`${folder.path}/starts`, { recursive: true });
  const runners = new Map<string, Runner>();
  /** Programs that are no longer in the file: they go once they have stopped. */
  const removed = new Set<Runner>();
  /** Programs that are to run elsewhere, as soon as they run where they were for certain no more. */
  const moving = new Map<Runner, Program>();
  const changeHandlers: ((status: ProgramStatus) => void)[] = [];
  const verdictHandlers: ((program: string, verdict: Verdict) => void)[] = [];
  const alarmHandlers: ((alarm: Alarm) => void)[] = [];
  let also = (): Partial<ExperimentStatus> => ({});
  let ending = false;
  let endingAt = Infinity;
  let finished: (() => void) | undefined;

  const alarms = createAlarms((alarm) => {
    const text = `alarm: ${alarm.source}: ${alarm.text}`;
    if (alarm.state === "critical") log.error(text);
    else if (alarm.state === "warning") log.warn(text);
    else log.info(text);
    for (const handler of alarmHandlers) handler(alarm);
  });
  const disks = watchDisks({
    limits: () => experiment.disk,
    // Folders of other computers are not for this one to look at.
    folders: () => [
      logFolder,
      folder.path,
      ...experiment.programs.filter(({ host }) => host === undefined).map(({ cwd }) => cwd),
    ],
    alarms,
    now,
  });
  const outOfMemory = watchOutOfMemory({ now });
  const leftovers = createLeftovers(folder.path, log);
  const presence = watchPresence(client, log, now, (name) => {
    for (const runner of runners.values()) {
      if (name === undefined || clientOf(runner.program) === name) runner.probe();
    }
  });

  const elsewhere = openElsewhere({
    experiment: experiment.name,
    folder,
    client,
    presence,
    log,
    now,
    alarm({ source, state, text }) {
      if (state === "over") alarms.clear(source, text);
      else alarms.raise(source, state, text);
    },
  });

  function environment(program: Program): { readonly [name: string]: string } {
    const server = client?.hub?.address ?? options.server;
    return {
      ABCD_NAME: program.name,
      ...(server === undefined ? {} : { ABCD_SERVER: server }),
      ...(options.beaconPort === undefined ? {} : { ABCD_BEACON_PORT: String(options.beaconPort) }),
      ...program.env,
      PATH: `${bin}:${program.env.PATH ?? Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
    };
  }

  const logPath = (name: string) => `${logFolder}/${name}.log`;
  const context: LocalContext = {
    log,
    now,
    logPath,
    presence,
    outOfMemory,
    environment,
    command: options.command ?? (({ argv }) => argv),
    newId: (name) => newStartId(folder.path, name),
    basePath: (id) => startBase(folder.path, id),
    save: (name: string, record: ProgramRecord) => folder.save(name, record, isLasting(record)),
    changed(runner) {
      // Not from inside the step of another program; by then it may have gone a step further.
      const { program, machine } = runner;
      queueMicrotask(() => {
        restartDependants({ program, machine });
        startWaiting();
        pace();
      });
      const status = statusOf(runner);
      tellTrouble(runner);
      for (const handler of changeHandlers) handler(status);
    },
    verdict(runner, verdict) {
      for (const handler of verdictHandlers) handler(runner.program.name, verdict);
    },
    over: leftovers.add,
  };

  const find = (name: string) => runners.get(name);

  function statusOf(runner: Runner): ProgramStatus {
    const status = runner.status();
    const to = moving.get(runner);
    if (to !== undefined) {
      const where = to.host ?? "the controller's computer";
      return { ...status, reason: `moves to ${where} when it has stopped: ${status.reason}` };
    }
    if (status.state !== "waiting") return status;
    const reason = describeUnmet(runner.program, find);
    return reason === undefined ? status : { ...status, reason };
  }

  /** A program that cannot be kept running is an alarm, until it runs or nobody wants it to. */
  function tellTrouble({ program: { name }, machine }: Runner): void {
    const { state, reason, failedStarts } = machine;
    if (state === "fatal") {
      return alarms.raise(name, "critical", `${reason}; it is not tried again`);
    }
    if (failedStarts < ALARM_STARTS || state === "stopped") return alarms.clear(name, state);
    alarms.raise(name, "critical", `${failedStarts} failed starts in a row; it is tried on`);
  }

  /** Starts those whose wait is over. */
  function startWaiting(): void {
    if (ending) return;
    for (const runner of runners.values()) {
      if (runner.machine.state !== "waiting" || moving.has(runner)) continue;
      if (unmet(runner.program, find).length === 0) runner.fire({ type: "dependenciesHold" });
    }
  }

  function restartDependants(one: Standing): void {
    if (ending) return;
    for (const other of restartsWith(one, [...runners.values()])) {
      log.info(`${other.program.name}: restarted with ${one.program.name}`);
      other.fire({ type: "restart" });
    }
  }

  /** At the end a program is told to stop when none that depends on it is left. */
  function stopNext(): void {
    // Those that cannot be reached are waited for a while, and then left where they are.
    const isLate = now() > endingAt + UNREACHABLE_MS;
    const all = [...runners.values()].filter((runner) =>
      !isLate || runner.status().state !== "unreachable"
    );
    const none = all.every((runner) => !runner.mayRun);
    for (const runner of stopsNext(all)) runner.fire({ type: "stop" });
    if (none) finished?.();
  }

  let nextPoll = 0;
  let nextMeasure = 0;
  function tick(): void {
    let pids: Set<number> | undefined;
    const isThere = (pid: number) => (pids ??= listPids()).has(pid);
    const isPoll = now() >= nextPoll;
    if (isPoll) nextPoll = now() + POLL_MS;
    let all: readonly ProcessStat[] | undefined;
    const processes = () => all ??= listProcesses();
    for (const runner of runners.values()) {
      runner.tick({ isPoll, isThere, processes });
    }
    startWaiting();
    if (isPoll) leftovers.tell();
    if (isPoll) outOfMemory.look();
    elsewhere.tick();
    disks.tick();
    if (now() >= nextMeasure) {
      nextMeasure = now() + MEASURE_MS;
      for (const runner of runners.values()) runner.measure(processes());
    }
    for (const [runner, program] of moving) if (!runner.mayRun) replace(runner, program);
    for (const runner of removed) if (!runner.mayRun) forget(runner);
    if (ending) stopNext();
  }

  /** The kernel tells of each file in the folder of starts: the end of a program is known at once. */
  async function followStarts(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { paths } of watcher) {
      for (const name of new Set(paths.map(programOfFile))) runners.get(name)?.look();
      pace();
    }
  }

  function addLocal(program: Program): LocalRunner {
    const runner = createLocalRunner(program, context);
    runners.set(program.name, runner);
    return runner;
  }

  function add(program: Program): Runner {
    if (program.host === undefined) return addLocal(program);
    const runner = elsewhere.runner(program, context);
    runners.set(program.name, runner);
    return runner;
  }

  /** Gives a program other settings; one that is to run elsewhere stops first where it is. */
  function change(runner: Runner, program: Program): void {
    moving.delete(runner);
    const { host, via } = runner.program;
    if (host === program.host && via === program.via) return runner.change(program);
    if (!runner.mayRun) return replace(runner, program);
    moving.set(runner, program);
    const { state } = runner.machine;
    if (state !== "stopping") runner.fire({ type: "restart" });
  }

  /** It runs no more where it was: from now on it is where its settings say. */
  function replace(runner: Runner, program: Program): void {
    const isUp = runner.machine.state !== "stopped";
    moving.delete(runner);
    runner.forget();
    runner[Symbol.dispose]();
    const next = add(program);
    if (removed.delete(runner)) removed.add(next);
    if (isUp) next.fire({ type: "start" });
  }

  /** Its runner goes once it has stopped. */
  function remove(runner: Runner): void {
    removed.add(runner);
    runner.fire({ type: "stop" });
  }

  function forget(runner: Runner): void {
    const { name } = runner.program;
    removed.delete(runner);
    runners.delete(name);
    runner.forget();
    runner[Symbol.dispose]();
    folder.forget(name);
  }

  const watcher = Deno.watchFs(`${folder.path}/starts`, { recursive: false });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  /** Ticks again when it is time to: soon if there is something to wait for, else each second. */
  function pace(): void {
    clearTimeout(timer);
    if (isOver) return;
    let ms = ending || moving.size > 0 ? TICK_MS : CALM_MS;
    for (const { patienceMs } of runners.values()) ms = Math.min(ms, patienceMs);
    timer = setTimeout(() => {
      tick();
      pace();
    }, ms);
  }

  function end(): void {
    isOver = true;
    clearTimeout(timer);
    watcher.close();
    presence[Symbol.dispose]();
    disks[Symbol.dispose]();
    for (const runner of runners.values()) runner[Symbol.dispose]();
    elsewhere[Symbol.dispose]();
  }

  return {
    start() {
      const adopt = (program: Program, id: string) => {
        // It was found on this computer, whatever the file says now.
        const runner = addLocal({ ...program, host: undefined, via: "agent" });
        runner.adopt(id);
        return runner;
      };
      takeUp({ programs: experiment.programs, folder, log, add, adopt, change, remove });
      for (const runner of runners.values()) tellTrouble(runner);
      followStarts(watcher);
      tick();
      pace();
    },
    get experiment() {
      return experiment;
    },
    alarms,
    status: () => ({
      experiment: experiment.name,
      hub: client?.joined === true ? client.hub?.name : undefined,
      programs: [...runners.values()].map(statusOf),
      alarms: alarms.standing,
      disks: disks.disks,
      ...also(),
    }),
    alsoTell: (more) => void (also = more),
    get names() {
      return [...runners.keys()];
    },
    tell(what, names) {
      for (const name of names) {
        const runner = runners.get(name);
        if (runner !== undefined && !removed.has(runner)) runner.fire({ type: what });
      }
      tick();
    },
    verdicts: (name) => runners.get(name)?.verdicts ?? [],
    output: (name) => runners.get(name)?.output,
    remoteLines: (names, count, follow) =>
      elsewhere.lines(names.flatMap((name) => runners.get(name)?.program ?? []), count, follow),
    logPath,
    reload(next) {
      const { name, runFolder, programs: before } = experiment;
      if (next.runFolder !== runFolder) {
        log.warn(
          "the folder of the runs' records changes only when this controller is started again",
        );
      }
      experiment = { ...next, name, runFolder };
      const done = reloadPrograms({
        programs: next.programs,
        before,
        runners,
        removed,
        add,
        change,
      });
      for (const runner of removed) moving.delete(runner);
      disks.soon();
      tick();
      return done;
    },
    get ending() {
      return ending;
    },
    async shutdown() {
      ending = true;
      pace();
      endingAt = Math.min(endingAt, now());
      await new Promise<void>((resolve) => {
        finished = resolve;
        stopNext();
      });
      const left = [...runners.values()].filter(({ mayRun }) => mayRun).map((one) => one.program);
      for (const runner of runners.values()) runner.close();
      await elsewhere.release((host) => !left.some((one) => one.host === host));
      leftovers.tell();
      end();
      return left.map(({ name }) => name);
    },
    kill() {
      ending = true;
      endingAt = -Infinity;
      for (const runner of runners.values()) runner.fire({ type: "kill" });
    },
    leave: end,
    onChange: (handler) => void changeHandlers.push(handler),
    onAlarm: (handler) => void alarmHandlers.push(handler),
    onVerdict: (handler) => void verdictHandlers.push(handler),
  };
}
