// The run controller: the programs of an experiment, in the order of what they depend on.

import { clientOf } from "../experiment/program.ts";
import { createAwakeClock } from "../awake_clock.ts";
import { watchOutOfMemory } from "../process/out_of_memory.ts";
import { type Alarm, createAlarms } from "../status/alarms.ts";
import type { ExperimentStatus, ProgramStatus } from "../status/program_status.ts";
import { newStartId, startBase } from "./adoption.ts";
import type { Controller, ControllerOptions } from "./contract.ts";
import { watchDisks } from "./disk_watch.ts";
import { NOWHERE } from "./elsewhere.ts";
import { restartDependants, startWaiting, stopNext } from "./keep_order.ts";
import { createLeftovers } from "./leftovers.ts";
import { createPace } from "./pace.ts";
import { watchPresence } from "./presence.ts";
import { createEnvironment } from "./program_environment.ts";
import { isLasting } from "./record.ts";
import { describeRest, reloadPrograms } from "./reload.ts";
import { createRoster } from "./roster.ts";
import { CALM_MS, TICK_MS } from "./runner.ts";
import { watchState } from "./state_watch.ts";
import { takeUp } from "./take_up.ts";
import { statusOf, tellTrouble } from "./tell_status.ts";
import type { Verdict } from "./verdict.ts";

/** Between two looks at processor and memory while somebody sees them, in milliseconds. */
const MEASURE_MS = 5000;
/** The same while nobody does: a look goes through all processes of the computer. */
const UNSEEN_MS = 30_000;

/** So long programs are started without anything else having its turn, in milliseconds; one takes 3 to 15. */
const STARTS_MS = 20;

/** At the end of all, programs on hosts that are away are waited for this long, in milliseconds. */
const UNREACHABLE_MS = 10_000;

/** Makes the controller of an experiment; nothing starts yet. */
export function createController(options: ControllerOptions): Controller {
  const { log, folder, logFolder, client, now = createAwakeClock() } = options;
  const { openElsewhere = () => NOWHERE } = options;
  let { experiment } = options;
  const starts = `${folder.path}/starts`;
  Deno.mkdirSync(starts, { recursive: true });
  const changeHandlers: ((status: ProgramStatus) => void)[] = [];
  const verdictHandlers: ((program: string, verdict: Verdict) => void)[] = [];
  const alarmHandlers: ((alarm: Alarm) => void)[] = [];
  let also = (): Partial<ExperimentStatus> => ({});
  let ending = false;
  let endingAt = Infinity;
  /** Those that the end of all stops, and that nobody had stopped before. */
  const endsWithAll = new Set<string>();
  let finished: (() => void) | undefined;
  /** Whether something has changed, so that programs may have to be started. */
  let mayStart = true;
  /** When somebody looked at the programs last. */
  let seenAt = -Infinity;

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
    for (const runner of roster.all) {
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
    programs: () => experiment.programs,
    disk: () => experiment.disk,
    alarm({ source, state, text }) {
      if (state === "over") alarms.clear(source, text);
      else alarms.raise(source, state, text);
    },
  });

  const environment = createEnvironment({
    folder: folder.path,
    client,
    server: options.server,
    beaconPort: options.beaconPort,
  });
  const lookAtState = watchState({
    folder,
    alarms,
    now,
    remade() {
      Deno.mkdirSync(starts, { recursive: true });
      environment.renew();
      pace.follow();
      for (const runner of roster.all) runner.remember();
    },
  });

  const logPath = (name: string) => `${logFolder}/${name}.log`;
  const roster = createRoster({
    elsewhere,
    forgotten: folder.forget,
    context: {
      log,
      now,
      logPath,
      presence,
      outOfMemory,
      environment: environment.of,
      command: options.command ?? (({ argv }) => argv),
      newId: (name) => newStartId(folder.path, name),
      basePath: (id) => startBase(folder.path, id),
      save(name, record) {
        const runner = roster.find(name);
        const isLeaving = runner !== undefined && roster.isLeaving(runner);
        const kept = isLeaving || endsWithAll.has(name) ? { ...record, ending: true } : record;
        folder.save(name, kept, isLasting(kept));
      },
      changed(runner) {
        // Not from inside the step of another program; by then it may have gone a step further.
        const { program, machine } = runner;
        queueMicrotask(() => {
          if (!ending) restartDependants(roster, { program, machine }, log);
          mayStart = true;
          pace.again();
        });
        const status = statusOf(runner, roster);
        tellTrouble(runner, alarms);
        for (const handler of changeHandlers) handler(status);
      },
      verdict(runner, verdict) {
        // Its last lines stand above.
        log.warn(`${runner.program.name}: ${verdict.text.split("\n")[0]}`);
        for (const handler of verdictHandlers) handler(runner.program.name, verdict);
      },
      over: leftovers.add,
    },
  });

  function beginEnd(): void {
    if (ending) return;
    ending = true;
    for (const { program, machine: { state, next } } of roster.all) {
      // Of one that cannot be reached it is not known.
      const isOff = state === "stopped" || state === "unreachable" ||
        (state === "stopping" && next === "stopped");
      if (!isOff) endsWithAll.add(program.name);
    }
  }

  function stopOn(): void {
    // Those that cannot be reached are waited for a while.
    if (stopNext(roster, now() > endingAt + UNREACHABLE_MS)) finished?.();
  }

  const pace = createPace({
    starts,
    now,
    look: (name) => roster.find(name)?.look(),
    warn: (text) => log.warn(text),
    patienceMs() {
      if (mayStart) return 0;
      const most = ending || roster.isMoving ? TICK_MS : CALM_MS;
      return Math.min(most, ...roster.all.map(({ patienceMs }) => patienceMs));
    },
    measureMs() {
      const isSeen = now() - seenAt < 2 * MEASURE_MS;
      const isLimited = experiment.programs.some(({ memoryMaxBytes }) => memoryMaxBytes > 0);
      return isSeen || isLimited ? MEASURE_MS : UNSEEN_MS;
    },
    tick(tick) {
      for (const runner of roster.all) runner.tick(tick);
      const begun = now();
      mayStart = !ending && startWaiting(roster, () => now() < begun + STARTS_MS);
      if (tick.isPoll) {
        lookAtState();
        leftovers.tell();
        outOfMemory.look();
      }
      elsewhere.tick();
      disks.tick();
      if (tick.isMeasure) {
        for (const runner of roster.all) runner.measure(tick.processes);
      }
      roster.settle();
      if (ending) stopOn();
    },
  });

  function end(): void {
    pace[Symbol.dispose]();
    presence[Symbol.dispose]();
    disks[Symbol.dispose]();
    roster[Symbol.dispose]();
    elsewhere[Symbol.dispose]();
  }

  return {
    start(ends = false) {
      const { startsAnew = true } = options;
      takeUp({ programs: experiment.programs, folder, log, roster, startsAnew });
      for (const runner of roster.all) tellTrouble(runner, alarms);
      if (ends) {
        beginEnd();
        stopOn();
      }
      pace.start();
    },
    get experiment() {
      return experiment;
    },
    alarms,
    status() {
      seenAt = now();
      return {
        experiment: experiment.name,
        hub: client?.joined === true ? client.hub?.name : undefined,
        programs: roster.all.map((runner) => statusOf(runner, roster)),
        alarms: alarms.standing,
        disks: disks.disks,
        ...also(),
      };
    },
    alsoTell: (more) => void (also = more),
    get names() {
      return roster.names;
    },
    tell(what, names) {
      for (const name of names) {
        const runner = roster.find(name);
        if (runner !== undefined && !roster.isLeaving(runner)) runner.fire({ type: what });
      }
      pace.tick();
    },
    verdicts: (name) => roster.find(name)?.verdicts ?? [],
    output: (name) => roster.find(name)?.output,
    remoteLines: (names, count, follow) =>
      elsewhere.lines(names.flatMap((name) => roster.find(name)?.program ?? []), count, follow),
    logPath,
    reload(next) {
      const { name, controller, runFolder, programs: before } = experiment;
      const rest = describeRest(experiment, next);
      experiment = { ...next, name, controller, runFolder };
      const done = { ...reloadPrograms({ programs: next.programs, before, roster }), rest };
      disks.soon();
      elsewhere.reloaded();
      pace.tick();
      return done;
    },
    get ending() {
      return ending;
    },
    async shutdown() {
      beginEnd();
      pace.again();
      endingAt = Math.min(endingAt, now());
      await new Promise<void>((resolve) => {
        finished = resolve;
        stopOn();
      });
      const left = roster.all.filter(({ mayRun }) => mayRun).map((one) => one.program);
      for (const runner of roster.all) runner.close();
      await elsewhere.release((host) => !left.some((one) => one.host === host));
      leftovers.tell();
      end();
      return left.map(({ name }) => name);
    },
    kill() {
      beginEnd();
      endingAt = -Infinity;
      for (const runner of roster.all) runner.fire({ type: "kill" });
    },
    leave: end,
    onChange: (handler) => void changeHandlers.push(handler),
    onAlarm: (handler) => void alarmHandlers.push(handler),
    onVerdict: (handler) => void verdictHandlers.push(handler),
  };
}
