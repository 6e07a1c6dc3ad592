// The run controller: drives each program by the table, and tells of it.

import type { Client, Off } from "../client.ts";
import type { Log } from "../log.ts";
import type { Json, Message } from "../message.ts";
import { selfCommand } from "../process/self.ts";
import { type Spawned, spawnProgram } from "../process/spawn.ts";
import type { Experiment, Program } from "./experiment_file.ts";
import {
  howItEnded,
  type Machine,
  newMachine,
  type ProgramAction,
  type ProgramEvent,
  step,
} from "./program_state.ts";
import type { ExperimentStatus, ProgramStatus } from "./program_status.ts";

/** Options of {@linkcode createController}. */
export interface ControllerOptions {
  readonly experiment: Experiment;
  readonly log: Log;
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

/** A running experiment. */
export interface Controller {
  /** Asks for all programs that start by themselves. */
  start(): void;
  /** What there is to know now. */
  status(): ExperimentStatus;
  /** Stops all in reverse order of `dependsOn`; resolves when all are gone. */
  shutdown(): Promise<void>;
  /** Kills all at once; {@linkcode shutdown} resolves soon after. */
  kill(): void;
}

interface Runner {
  readonly program: Program;
  machine: Machine;
  /** Unix time of the last transition, in seconds. */
  since: number;
  process: Spawned | undefined;
  /** Whether the process itself has ended; its group may live on. */
  hasEnded: boolean;
  /** Its last process: what it wrote last is still of interest. */
  lastProcess: Spawned | undefined;
  /** Since when its `alive` client is missing, on the monotonic clock. */
  missingSince: number | undefined;
}

const TICK_MS = 100;
const COMMANDS = ["status", "start", "stop", "restart"] as const;

/** Makes a folder with an `abcd` in it, so that programs find the same one as the controller's. */
function makeBinFolder(): string {
  const folder = Deno.makeTempDirSync({ prefix: "abcd-bin-" });
  const quoted = selfCommand().map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  Deno.writeTextFileSync(`${folder}/abcd`, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  return folder;
}

/** Makes the controller of an experiment; nothing starts yet. */
export function createController(options: ControllerOptions): Controller {
  const { experiment, log, logFolder, client, now = () => performance.now() } = options;
  const bin = makeBinFolder();
  const runners = new Map<string, Runner>(experiment.programs.map((program) => [program.name, {
    program,
    machine: newMachine(now()),
    since: Date.now() / 1000,
    process: undefined,
    hasEnded: false,
    lastProcess: undefined,
    missingSince: undefined,
  }]));
  const present = new Set<string>();
  const offs: Off[] = [];
  let presenceKnown = false;
  let shuttingDown = false;
  let finished: (() => void) | undefined;

  function statusOf({ program, machine, since, process, lastProcess }: Runner): ProgramStatus {
    const lines = lastProcess?.lastLines ?? [];
    const ended = ["backoff", "exited", "fatal"].includes(machine.state);
    const wait = (machine.deadline ?? now()) - now();
    return {
      name: program.name,
      state: machine.state,
      was: machine.was,
      ready: machine.ready,
      pid: process?.pid,
      since,
      restarts: machine.restarts,
      exitCode: machine.exitCode,
      signal: machine.signal,
      reason: machine.reason,
      retryAt: machine.state === "backoff" ? Date.now() / 1000 + wait / 1000 : undefined,
      lastLines: ended ? [...lines] : undefined,
      lastLine: lines.at(-1),
    };
  }

  function attempt(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      log.warn(`Cannot ${what}: ${error instanceof Error ? error.message : error}`);
    }
  }

  function publish(runner: Runner): void {
    // What happened while there was no hub is old then: joining tells of all as they are.
    if (client?.joined !== true) return;
    const { name, ...rest } = statusOf(runner);
    attempt(`tell of ${name}`, () =>
      client.send({
        cmd: "state",
        topic: `run/${name}/state`,
        experiment: experiment.name,
        program: name,
        ...rest,
      }));
  }

  function fire(runner: Runner, event: ProgramEvent): void {
    const { name } = runner.program;
    const before = runner.machine;
    const { machine, actions } = step(before, event, now(), runner.program);
    if (machine === before) return;
    runner.machine = machine;
    const moved = machine.since !== before.since || machine.state !== before.state;
    if (moved) {
      runner.since = Date.now() / 1000;
      const unexpected = event.type === "exited" || event.type === "spawnFailed" ||
        event.type === "aliveFailed";
      const bad = unexpected && machine.state !== "exited";
      const text = `${name}: ${before.state} → ${machine.state} (${machine.reason})`;
      if (machine.state === "fatal") log.error(text);
      else if (bad) log.warn(text);
      else log.info(text);
      if (bad && before.state !== "stopping") {
        for (const line of runner.lastProcess?.lastLines ?? []) log.warn(`${name} | ${line}`);
      }
    } else if (machine.ready !== before.ready) log.info(`${name}: ready`);
    for (const action of actions) perform(runner, action);
    if (moved || machine.ready !== before.ready) publish(runner);
  }

  function perform(runner: Runner, action: ProgramAction): void {
    const { name } = runner.program;
    if (action.type === "alarm") {
      log.error(`${name}: ${action.text}`);
    } else if (action.type === "signal") {
      const target = runner.process ?? runner.lastProcess;
      if (target?.groupAlive() !== true) return;
      log.debug(`${name}: ${action.signal} to process group ${target.pid}`);
      attempt(`send ${action.signal} to ${name}`, () => target.killGroup(action.signal));
    } else spawn(runner);
  }

  function spawn(runner: Runner): void {
    const { program } = runner;
    const server = client?.hub?.address ?? options.server;
    runner.missingSince = undefined;
    let spawned: Spawned;
    try {
      spawned = spawnProgram({
        argv: program.argv,
        cwd: program.cwd,
        env: {
          ABCD_NAME: program.name,
          ...(server === undefined ? {} : { ABCD_SERVER: server }),
          ...(options.beaconPort === undefined
            ? {}
            : { ABCD_BEACON_PORT: String(options.beaconPort) }),
          ...program.env,
          PATH: `${bin}:${program.env.PATH ?? Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
        },
        logPath: `${logFolder}/${program.name}.log`,
        ...program.log,
        onLogError: (error) => log.error(`${program.name}: ${error.message}`),
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const missing = error instanceof Deno.errors.NotFound;
      // Not from inside the transition that asked for it.
      queueMicrotask(() =>
        fire(runner, { type: "spawnFailed", reason: `cannot be started: ${why}`, missing })
      );
      return;
    }
    runner.process = spawned;
    runner.lastProcess = spawned;
    runner.hasEnded = false;
    log.debug(`${program.name}: pid ${spawned.pid}`);
    spawned.ended.then(({ code, signal }) => {
      if (runner.process !== spawned) return;
      runner.hasEnded = true;
      if (runner.machine.state !== "stopping") runner.process = undefined;
      else log.info(`${program.name}: ${howItEnded(code, signal)}`);
      fire(runner, { type: "exited", code, signal });
    });
  }

  function unmet(program: Program): boolean {
    return Object.entries(program.dependsOn).some(([name, kind]) => {
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

  function watch(runner: Runner): void {
    const { program, machine } = runner;
    const { ready, alive } = program;
    if (machine.state !== "running") return;
    if (!machine.ready) {
      if (ready === undefined || present.has(ready.client)) fire(runner, { type: "readyHolds" });
      else if (presenceKnown && now() - machine.since > ready.timeoutSec * 1000) {
        const reason = `was not ready within ${ready.timeoutSec} s: no client ${ready.client}`;
        return fire(runner, { type: "aliveFailed", reason });
      }
    }
    // Without a hub nobody knows who is there: that is no fault of the program.
    if (alive === undefined || !presenceKnown || present.has(alive.client)) {
      runner.missingSince = undefined;
      return;
    }
    runner.missingSince ??= now();
    if (now() - runner.missingSince > alive.timeoutSec * 1000) {
      const reason = `is not alive: no client ${alive.client} for ${alive.timeoutSec} s`;
      fire(runner, { type: "aliveFailed", reason });
    }
  }

  function isGone({ machine: { state } }: Runner): boolean {
    return !["starting", "running", "stopping"].includes(state);
  }

  /** At shutdown a program is told to stop when none that depends on it is left. */
  function stopNext(): void {
    const left = [...runners.values()].filter((runner) => !isGone(runner));
    for (const runner of runners.values()) {
      const { state } = runner.machine;
      if (state === "waiting" || state === "backoff") fire(runner, { type: "stop" });
      if (state !== "starting" && state !== "running") continue;
      const needed = left.some((other) =>
        Object.hasOwn(other.program.dependsOn, runner.program.name)
      );
      if (!needed) fire(runner, { type: "stop" });
    }
    if (left.length === 0) finished?.();
  }

  function tick(): void {
    for (const runner of runners.values()) {
      const { machine, process } = runner;
      if (machine.deadline !== undefined && now() >= machine.deadline) {
        fire(runner, { type: "tick" });
      }
      if (runner.machine.state === "waiting" && !shuttingDown && !unmet(runner.program)) {
        fire(runner, { type: "dependenciesHold" });
      }
      const over = process === undefined || (runner.hasEnded && !process.groupAlive());
      if (runner.machine.state === "stopping" && over) {
        runner.process = undefined;
        fire(runner, { type: "groupGone" });
      }
      watch(runner);
    }
    if (shuttingDown) stopNext();
  }

  async function lookWhoIsThere(): Promise<void> {
    if (client === undefined) return;
    try {
      const names = (await client.clients()).map(({ name }) => name);
      present.clear();
      for (const name of names) present.add(name);
      presenceKnown = client.joined;
    } catch (error) {
      log.debug(
        `Cannot learn who is in the hub: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  function answer(message: Message, more: { readonly [field: string]: Json | undefined }): void {
    if (client === undefined || message.from === undefined) return;
    const to = message.from;
    attempt(`answer ${to}`, () => client.send({ cmd: message.cmd, to, re: message.id, ...more }));
  }

  function onMessage(cmd: typeof COMMANDS[number], message: Message): void {
    if (message.re !== undefined) return;
    const wanted = message.programs ?? [...runners.keys()];
    const names = Array.isArray(wanted) ? wanted : [wanted];
    const unknown = names.filter((name) => typeof name !== "string" || !runners.has(name));
    if (unknown.length > 0) {
      const known = [...runners.keys()].join(", ");
      const text = `no program ${
        unknown.map((n) => JSON.stringify(n)).join(", ")
      }; there are: ${known}`;
      return answer(message, { error: text });
    }
    const chosen = [...runners.values()].filter(({ program }) => names.includes(program.name));
    if (cmd !== "status") {
      if (shuttingDown) return answer(message, { error: "the experiment is being stopped" });
      log.info(`${cmd} ${names.join(" ")}: asked by ${message.from}`);
      for (const runner of chosen) fire(runner, { type: cmd });
    }
    answer(message, {
      experiment: experiment.name,
      programs: chosen.map((runner) => ({ ...statusOf(runner) })),
    });
  }

  if (client !== undefined) {
    for (const cmd of COMMANDS) offs.push(client.on(cmd, (message) => onMessage(cmd, message)));
    for (const topic of ["_hub/joined", "_hub/left"]) {
      offs.push(client.subscribe(topic, lookWhoIsThere));
    }
    offs.push(
      client.addEventListener("joined", async ({ hub, address }) => {
        log.info(`in hub ${hub} at ${address}`);
        await lookWhoIsThere();
        for (const runner of runners.values()) publish(runner);
      }),
      client.addEventListener("lost", ({ reason }) => {
        presenceKnown = false;
        log.warn(`the hub is lost (${reason}); the programs go on`);
      }),
    );
    if (client.joined) lookWhoIsThere();
  }
  const timer = setInterval(tick, TICK_MS);

  return {
    start() {
      for (const runner of runners.values()) {
        if (runner.program.autostart) fire(runner, { type: "start" });
      }
      tick();
    },
    status: () => ({
      experiment: experiment.name,
      hub: client?.joined === true ? client.hub?.name : undefined,
      programs: [...runners.values()].map(statusOf),
    }),
    async shutdown() {
      shuttingDown = true;
      await new Promise<void>((resolve) => {
        finished = resolve;
        stopNext();
      });
      clearInterval(timer);
      for (const off of offs) off();
      attempt("remove a temporary folder", () => Deno.removeSync(bin, { recursive: true }));
    },
    kill() {
      shuttingDown = true;
      for (const runner of runners.values()) fire(runner, { type: "kill" });
    },
  };
}
