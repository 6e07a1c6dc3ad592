// abcd start, stop, restart: programs are told, and it is shown how it goes until it is done.

import type {
  ExperimentStatus,
  ProgramState,
  ProgramStatus,
} from "../lib/status/program_status.ts";
import { readStatus } from "../lib/status/read_status.ts";
import { programTopic } from "../lib/status/topics.ts";
import { type Context, EXIT, type OptionSpecs, UsageError } from "./command.ts";
import { CONTROL_OPTIONS, describeProgram, openController } from "./control.ts";

/** Where a program is to be after `start`, `stop` or `restart`: there, on the way, or stuck. */
export function progress(
  what: "start" | "stop" | "restart",
  { state, ready }: ProgramStatus,
): "there" | "on the way" | "stuck" {
  if (what === "stop") {
    return ["stopped", "exited", "fatal"].includes(state) ? "there" : "on the way";
  }
  if (state === "running") return ready ? "there" : "on the way";
  if (state === "exited") return "there";
  return state === "fatal" || state === "backoff" || state === "stopped" ? "stuck" : "on the way";
}

/**
 * Whether somebody else has told it otherwise since it took this order: it is started again after it
 * was being stopped, or was stopped after it was being started. Nothing else leads there.
 */
export function isCountermanded(what: "start" | "stop" | "restart", state: ProgramState): boolean {
  return what === "stop"
    ? ["waiting", "starting", "running", "backoff"].includes(state)
    : state === "stopped";
}

const WAIT_OPTIONS = {
  ...CONTROL_OPTIONS,
  all: { type: "flag", help: "all programs" },
  wait: {
    type: "seconds",
    value: "SECONDS",
    default: 60,
    help: "wait this long for it to be done; 0: only say so to the controller",
  },
} as const satisfies OptionSpecs;

/** The options of `start`, `stop` and `restart`. */
export const TELL_OPTIONS: typeof WAIT_OPTIONS = WAIT_OPTIONS;

/**
 * `abcd start`, `stop`, `restart`: tells the controller, and shows how it goes until it is done.
 *
 * @returns The exit code: 1 if a program is not where it was told to be.
 */
export async function tellPrograms(
  what: "start" | "stop" | "restart",
  { options, args, stop }: Context<typeof WAIT_OPTIONS>,
): Promise<number> {
  if (args.length === 0 && !options.all) {
    throw new UsageError(`Cannot ${what}: name the programs, or give --all`);
  }
  if (args.length > 0 && options.all) {
    throw new UsageError(`Cannot ${what}: give either the programs' names or --all`);
  }
  await using controller = await openController(what, options, stop);
  const { client } = controller;
  const fields = options.all ? {} : { programs: [...new Set(args)] };

  let wake = () => {};
  const off = client.subscribe(programTopic(controller.name, "+", "state"), () => wake());
  await client.flush({ timeoutSec: options.timeout, signal: stop });
  const before = new Map<string, ProgramStatus>();
  for (const one of readStatus(await controller.ask("status", fields)).programs) {
    before.set(one.name, one);
  }
  // A restart is over when the program is up again, not while the one of before still runs.
  const isNew = ({ name, since, state, pid }: ProgramStatus) => {
    const old = before.get(name);
    return old === undefined || old.since !== since || old.state !== state || old.pid !== pid;
  };
  const seen = new Map<string, string>();
  const moved = new Set<string>();
  /** Programs that were seen to do what they were told. */
  const obeys = new Set<string>();
  const countermanded = new Set<string>();
  const stuck: string[] = [];
  const show = (status: ExperimentStatus): boolean => {
    stuck.length = 0;
    let done = true;
    for (const program of status.programs) {
      const words = describeProgram(program);
      if (seen.get(program.name) !== words) console.log(`${program.name}: ${words}`);
      seen.set(program.name, words);
      if (isNew(program)) moved.add(program.name);
      if (!isCountermanded(what, program.state)) obeys.add(program.name);
      else if (obeys.has(program.name)) countermanded.add(program.name);
      if (countermanded.has(program.name)) continue;
      const at = progress(what, program);
      if (at === "stuck") stuck.push(program.name);
      if (at === "on the way" || (what === "restart" && !moved.has(program.name))) done = false;
    }
    return done;
  };

  const deadline = performance.now() + options.wait * 1000;
  let done = show(readStatus(await controller.ask(what, fields)));
  while (!done && performance.now() < deadline) {
    stop.throwIfAborted();
    // Told by the topic; asked anyway after a second, for a controller that publishes nothing.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(1000, deadline - performance.now()));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = () => {};
    done = show(readStatus(await controller.ask("status", fields)));
  }
  off();
  if (countermanded.size > 0) {
    const names = [...countermanded].join(", ");
    const other = what === "stop" ? "start it again" : "stop it";
    console.error(`${names}: somebody else has told the controller to ${other} meanwhile`);
  }
  if (stuck.length > 0) {
    console.error(`${stuck.join(", ")}: not running; ask "abcd why ${stuck[0]}"`);
    return EXIT.failed;
  }
  if (!done && options.wait > 0) {
    console.error(`Not done after ${options.wait} s; the controller goes on with it`);
    return EXIT.failed;
  }
  return countermanded.size > 0 ? EXIT.failed : EXIT.done;
}
