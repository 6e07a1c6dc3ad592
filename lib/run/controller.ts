// The run controller: the programs of an experiment, in the order of what they depend on.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import { listProcesses, type ProcessStat } from "../process/proc_fs.ts";
import type { ProgramLog } from "../process/program_log.ts";
import { isHolder, liveStarts, type Start } from "../process/spawn.ts";
import { describeProcesses, findLeft, newStartId, programOfFile, startBase } from "./adoption.ts";
import type { Experiment, Program } from "./experiment_file.ts";
import { watchPresence } from "./presence.ts";
import { type Watch, watchProgram } from "./probes.ts";
import { writeAbcdCommand } from "./program_path.ts";
import type { ExperimentStatus, ProgramStatus } from "./program_status.ts";
import { parseSettings, type ProgramRecord, settingsText } from "./record.ts";
import { createRunner, type Runner, type RunnerContext } from "./runner.ts";
import type { StateFolder } from "./state_folder.ts";
import { createUsageMeter, type Usage, type UsageMeter } from "./usage.ts";
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
  /** Monotonic clock, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** What a reload did, by program. */
export interface Reloaded {
  readonly restarted: readonly string[];
  readonly started: readonly string[];
  readonly stopped: readonly string[];
}

/** A running experiment. */
export interface Controller {
  /** Takes up what a controller before this one left, and starts what is missing. */
  start(): void;
  /** What there is to know now. */
  status(): ExperimentStatus;
  /** The programs' names, in the order of the file. */
  readonly names: readonly string[];
  /** What is told to some programs: `start`, `stop`, `restart`. */
  tell(what: "start" | "stop" | "restart", names: readonly string[]): void;
  verdicts(name: string): readonly Verdict[];
  /** A program's output. */
  output(name: string): ProgramLog | undefined;
  /** The file that it is in. */
  logPath(name: string): string;
  /** Takes over a file that was read again: what did not change is not touched. */
  reload(experiment: Experiment): Reloaded;
  /** Whether it is ending. */
  readonly ending: boolean;
  /** Stops all in reverse order of `dependsOn`; resolves when all are gone. */
  shutdown(): Promise<void>;
  /** Kills all at once; {@linkcode shutdown} resolves soon after. */
  kill(): void;
  /** Lets go of the programs, which run on for the next controller. */
  leave(): void;
  /** Calls the handler after each change of a program's state. */
  onChange(handler: (status: ProgramStatus) => void): void;
  onVerdict(handler: (program: string, verdict: Verdict) => void): void;
}

const TICK_MS = 100;
/** The look at processes of which no file tells that they ended, in milliseconds. */
const POLL_MS = 1000;
/** Between two looks at processor and memory, in milliseconds. */
const MEASURE_MS = 5000;

/** Makes the controller of an experiment; nothing starts yet. */
export function createController(options: ControllerOptions): Controller {
  const { log, folder, logFolder, client, now = () => performance.now() } = options;
  let { experiment } = options;
  const bin = writeAbcdCommand(folder.path);
  Deno.mkdirSync(`${folder.path}/starts`, { recursive: true });
  const runners = new Map<string, Runner>();
  /** Programs that are no longer in the file: they go once they have stopped. */
  const removed = new Set<Runner>();
  const changeHandlers: ((status: ProgramStatus) => void)[] = [];
  const verdictHandlers: ((program: string, verdict: Verdict) => void)[] = [];
  let ending = false;
  let finished: (() => void) | undefined;

  /** Starts that are over, but may have left something behind. */
  const over = new Map<Start, string>();
  /** What made itself a session of its own is in no group of ours: it is told of, and let be. */
  function tellWhatIsLeft(): void {
    if (over.size === 0) return;
    const live = liveStarts(`${folder.path}:`);
    for (const [start, name] of over) {
      const left = (live.get(start.id) ?? []).filter(({ pid, group }) =>
        group !== start.pid && !isHolder(pid)
      );
      if (left.length > 0) log.warn(`${name}: has left ${describeProcesses(left)} behind`);
    }
    over.clear();
  }

  const presence = watchPresence(client, log, () => {
    for (const runner of runners.values()) watch(runner);
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
  const context: RunnerContext = {
    log,
    now,
    logPath,
    newId: (name) => newStartId(folder.path, name),
    basePath: (id) => startBase(folder.path, id),
    environment,
    save: (name: string, record: ProgramRecord) => folder.save(name, record),
    changed(runner) {
      // Not from inside the step of another program.
      queueMicrotask(() => restartDependants(runner));
      const status = statusOf(runner);
      for (const handler of changeHandlers) handler(status);
    },
    verdict(runner, verdict) {
      for (const handler of verdictHandlers) handler(runner.program.name, verdict);
    },
    over: (runner, start) => void over.set(start, runner.program.name),
  };

  function statusOf(runner: Runner): ProgramStatus {
    const { usage } = meters.get(runner) ?? {};
    const status: ProgramStatus = { ...runner.status(), ...usage };
    if (status.state !== "waiting") return status;
    const what = unmet(runner.program).map(([name, kind]) =>
      `${name} to be ${kind === "started" ? "running" : kind}`
    );
    return what.length === 0 ? status : { ...status, reason: `waits for ${what.join(", ")}` };
  }

  function unmet(program: Program): [name: string, kind: string][] {
    return Object.entries(program.dependsOn).filter(([name, kind]) => {
      const other = runners.get(name);
      if (other === undefined) return true;
      const { state, ready, exitCode, signal } = other.machine;
      const completed = state === "exited" && signal === undefined &&
        other.program.successExitCodes.includes(exitCode ?? -1);
      if (kind === "completed") return !completed;
      if (kind === "ready") return !(state === "running" && ready);
      return !(state === "running" || completed);
    });
  }

  const watches = new Map<Runner, Watch>();
  function watch(runner: Runner): void {
    const { program, output, logFrom } = runner;
    let one = watches.get(runner);
    if (runner.machine.state !== "running") {
      one?.[Symbol.dispose]();
      return void watches.delete(runner);
    }
    if (one === undefined) {
      const context = { now, presence, output, logFrom, environment: environment(program) };
      watches.set(runner, one = watchProgram(program, context));
    }
    const event = one.tick(runner.machine.ready);
    if (event !== undefined) runner.fire(event);
  }

  /** Those that go down and up with a program that they depend on. */
  function restartDependants(runner: Runner): void {
    const { state, was, next } = runner.machine;
    const again = state === "backoff" || state === "starting" ||
      (state === "stopping" && next !== "stopped");
    if (was !== "running" || !again || ending) return;
    const { name } = runner.program;
    for (const other of runners.values()) {
      const { program, machine } = other;
      if (!program.withDependency || !Object.hasOwn(program.dependsOn, name)) continue;
      if (machine.state !== "starting" && machine.state !== "running") continue;
      log.info(`${program.name}: restarted with ${name}`);
      other.fire({ type: "restart" });
    }
  }

  const meters = new Map<Runner, { readonly meter: UsageMeter; usage: Usage }>();
  function measure(all: readonly ProcessStat[]): void {
    for (const runner of runners.values()) {
      const pid = runner.start?.pid;
      if (pid === undefined || isGone(runner)) {
        meters.delete(runner);
        continue;
      }
      const meter = meters.get(runner)?.meter ?? createUsageMeter();
      const usage = meter.look(pid, all, now());
      meters.set(runner, { meter, usage });
      const { memoryMaxBytes } = runner.program;
      if (memoryMaxBytes === 0 || usage.memoryBytes <= memoryMaxBytes) continue;
      const reason =
        `uses ${usage.memoryBytes} bytes of memory, memoryMaxBytes is ${memoryMaxBytes}`;
      runner.fire({ type: "aliveFailed", reason });
    }
  }

  function isGone({ machine: { state } }: Runner): boolean {
    return !["starting", "running", "stopping"].includes(state);
  }

  /** At the end a program is told to stop when none that depends on it is left. */
  function stopNext(): void {
    const left = [...runners.values()].filter((runner) => !isGone(runner));
    for (const runner of runners.values()) {
      const { state } = runner.machine;
      if (state === "waiting" || state === "backoff") runner.fire({ type: "stop" });
      if (state !== "starting" && state !== "running") continue;
      const needed = left.some((other) =>
        Object.hasOwn(other.program.dependsOn, runner.program.name)
      );
      if (!needed) runner.fire({ type: "stop" });
    }
    if (left.length === 0) finished?.();
  }

  let nextPoll = 0;
  let nextMeasure = 0;
  function tick(): void {
    const polls = now() >= nextPoll;
    if (polls) nextPoll = now() + POLL_MS;
    // One look at all processes serves all programs that are stopping.
    let all: readonly ProcessStat[] | undefined;
    const processes = () => all ??= listProcesses();
    for (const runner of runners.values()) {
      const { state, deadline } = runner.machine;
      const due = deadline !== undefined && now() >= deadline;
      if (polls || due || state === "stopping") runner.look(processes);
      if (runner.machine.state === "waiting" && !ending && unmet(runner.program).length === 0) {
        runner.fire({ type: "dependenciesHold" });
      }
      watch(runner);
      if (polls) runner.output.keepSmall(runner.program.log);
    }
    if (polls) tellWhatIsLeft();
    if (now() >= nextMeasure) {
      nextMeasure = now() + MEASURE_MS;
      measure(processes());
    }
    for (const runner of removed) {
      if (!isGone(runner)) continue;
      const { name } = runner.program;
      removed.delete(runner);
      runners.delete(name);
      folder.forget(name);
    }
    if (ending) stopNext();
  }

  /** The kernel tells of each file in the folder of starts: the end of a program is known at once. */
  async function followStarts(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { paths } of watcher) {
      for (const name of new Set(paths.map(programOfFile))) runners.get(name)?.look();
    }
  }

  function add(program: Program): Runner {
    const runner = createRunner(program, context);
    runners.set(program.name, runner);
    return runner;
  }

  function remove(runner: Runner): void {
    removed.add(runner);
    runner.fire({ type: "stop" });
  }

  function takeUp(): void {
    const left = findLeft(folder, log);
    for (const program of experiment.programs) {
      const { record, strayId } = left.get(program.name) ?? {};
      const before = record === undefined ? undefined : parseSettings(record.settings);
      const runner = add(before ?? program);
      if (record !== undefined) runner.restore(record);
      if (strayId !== undefined) runner.adopt(strayId);
      if (settingsText(runner.program) !== settingsText(program)) {
        if (record?.closed === false) log.info(`${program.name}: its settings have changed`);
        runner.change(program);
      }
      const isNew = record === undefined || record.closed;
      if (isNew && strayId === undefined && program.autostart) runner.fire({ type: "start" });
    }
    for (const { name, record } of left.values()) {
      if (runners.has(name)) continue;
      const program = record === undefined ? undefined : parseSettings(record.settings);
      if (program === undefined || record === undefined) continue;
      const runner = add(program);
      runner.restore(record);
      if (!isGone(runner)) log.info(`${name}: no longer in the file; it is stopped`);
      remove(runner);
    }
  }

  const watcher = Deno.watchFs(`${folder.path}/starts`, { recursive: false });
  let timer: ReturnType<typeof setInterval> | undefined;

  function end(): void {
    clearInterval(timer);
    watcher.close();
    presence[Symbol.dispose]();
    for (const one of watches.values()) one[Symbol.dispose]();
    watches.clear();
  }

  return {
    start() {
      takeUp();
      followStarts(watcher);
      timer = setInterval(tick, TICK_MS);
      tick();
    },
    status: () => ({
      experiment: experiment.name,
      hub: client?.joined === true ? client.hub?.name : undefined,
      programs: [...runners.values()].map(statusOf),
    }),
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
    logPath,
    reload(next) {
      const restarted: string[] = [];
      const started: string[] = [];
      const stopped: string[] = [];
      experiment = { ...next, name: experiment.name };
      for (const program of next.programs) {
        const runner = runners.get(program.name);
        if (runner === undefined) {
          started.push(program.name);
          const fresh = add(program);
          if (program.autostart) fresh.fire({ type: "start" });
        } else if (settingsText(runner.program) !== settingsText(program)) {
          restarted.push(program.name);
          runner.change(program);
        }
        // It was on its way out, and is wanted again.
        if (runner !== undefined && removed.delete(runner)) runner.fire({ type: "start" });
      }
      const kept = new Set(next.programs.map(({ name }) => name));
      for (const [name, runner] of runners) {
        if (kept.has(name) || removed.has(runner)) continue;
        stopped.push(name);
        remove(runner);
      }
      tick();
      return { restarted, started, stopped };
    },
    get ending() {
      return ending;
    },
    async shutdown() {
      ending = true;
      await new Promise<void>((resolve) => {
        finished = resolve;
        stopNext();
      });
      for (const runner of runners.values()) runner.close();
      tellWhatIsLeft();
      end();
    },
    kill() {
      ending = true;
      for (const runner of runners.values()) runner.fire({ type: "kill" });
    },
    leave: end,
    onChange: (handler) => void changeHandlers.push(handler),
    onVerdict: (handler) => void verdictHandlers.push(handler),
  };
}
