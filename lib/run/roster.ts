// The programs of an experiment and what runs each: where it is, where it is to go once it has
// stopped, and which are no longer in the file.

import type { Program } from "../experiment/program.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { LocalContext, LocalRunner } from "./local_contract.ts";
import { createLocalRunner } from "./local_runner.ts";
import type { Runner } from "./runner.ts";

/** What {@linkcode createRoster} works with. */
export interface RosterOptions {
  readonly context: LocalContext;
  readonly elsewhere: Elsewhere;
  /** It has stopped and is not in the file any more: nothing is to be kept of it. */
  readonly forgotten: (name: string) => void;
}

/** The programs of an experiment. */
export interface Roster extends Disposable {
  /** In the order of the file. */
  readonly all: readonly Runner[];
  readonly names: readonly string[];
  find(name: string): Runner | undefined;
  /** Makes the runner of a program, where its settings say. */
  add(program: Program): Runner;
  /** Makes the runner of a start that was found on this computer, whatever the file says now. */
  adopt(program: Program, id: string): Runner;
  /** Gives a program other settings; one that is to run elsewhere stops first where it is. */
  change(runner: Runner, program: Program): void;
  /** Stops it; its runner goes once it has stopped. */
  remove(runner: Runner): void;
  /** It is wanted again. Returns whether it was on its way out. */
  keep(runner: Runner): boolean;
  /** Whether it is on its way out. */
  isLeaving(runner: Runner): boolean;
  /** Where it is to run as soon as it runs where it is for certain no more. */
  nextOf(runner: Runner): Program | undefined;
  /** Whether any is to run elsewhere. */
  readonly isMoving: boolean;
  /** Moves and forgets those that have stopped since. */
  settle(): void;
}

/** Makes a roster without programs. */
export function createRoster({ context, elsewhere, forgotten }: RosterOptions): Roster {
  const runners = new Map<string, Runner>();
  const leaving = new Set<Runner>();
  const moving = new Map<Runner, Program>();

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

  function drop(runner: Runner): void {
    moving.delete(runner);
    runner.forget();
    runner[Symbol.dispose]();
  }

  /** It runs no more where it was: from now on it is where its settings say. */
  function replace(runner: Runner, program: Program): void {
    const isUp = runner.machine.state !== "stopped";
    drop(runner);
    const next = add(program);
    if (leaving.delete(runner)) leaving.add(next);
    if (isUp) next.fire({ type: "start" });
  }

  return {
    get all() {
      return [...runners.values()];
    },
    get names() {
      return [...runners.keys()];
    },
    find: (name) => runners.get(name),
    add,
    adopt(program, id) {
      const runner = addLocal({ ...program, host: undefined, via: "agent" });
      runner.adopt(id);
      return runner;
    },
    change(runner, program) {
      moving.delete(runner);
      const { host, via } = runner.program;
      if (host === program.host && via === program.via) return runner.change(program);
      if (!runner.mayRun) return replace(runner, program);
      moving.set(runner, program);
      const { state } = runner.machine;
      if (state !== "stopping") runner.fire({ type: "restart" });
    },
    remove(runner) {
      leaving.add(runner);
      moving.delete(runner);
      runner.fire({ type: "stop" });
    },
    keep: (runner) => leaving.delete(runner),
    isLeaving: (runner) => leaving.has(runner),
    nextOf: (runner) => moving.get(runner),
    get isMoving() {
      return moving.size > 0;
    },
    settle() {
      for (const [runner, program] of moving) if (!runner.mayRun) replace(runner, program);
      for (const runner of leaving) {
        if (runner.mayRun) continue;
        const { name } = runner.program;
        leaving.delete(runner);
        runners.delete(name);
        drop(runner);
        forgotten(name);
      }
    },
    [Symbol.dispose]() {
      for (const runner of runners.values()) runner[Symbol.dispose]();
    },
  };
}
