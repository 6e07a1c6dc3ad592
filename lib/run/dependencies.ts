// What programs wait for: the order of starting and of stopping, and who goes down with whom. Pure.

import type { Program } from "./program.ts";
import type { Machine } from "./program_state.ts";

/** A program and where it is. */
export interface Standing {
  readonly program: Program;
  readonly machine: Pick<Machine, "state" | "was" | "next" | "ready" | "exitCode" | "signal">;
}

/** Each circle of programs that wait for each other, as names with the first one again at the end. */
export function findCycles(programs: readonly Program[]): string[][] {
  const byName = new Map(programs.map((program) => [program.name, program]));
  const done = new Set<string>();
  const cycles: string[][] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    const at = trail.indexOf(name);
    if (at >= 0) return void cycles.push([...trail.slice(at), name]);
    if (done.has(name)) return;
    for (const next of Object.keys(byName.get(name)?.dependsOn ?? {})) {
      visit(next, [...trail, name]);
    }
    done.add(name);
  };
  for (const { name } of programs) visit(name, []);
  return cycles;
}

/** The programs by when they can start: each step waits for programs of the steps before it. */
export function startSteps(programs: readonly Program[]): Program[][] {
  const steps: Program[][] = [];
  const done = new Set<string>();
  while (done.size < programs.length) {
    const step = programs.filter((program) =>
      !done.has(program.name) && Object.keys(program.dependsOn).every((name) => done.has(name))
    );
    // The file's reader refuses circles and unknown names; without it this would not end.
    if (step.length === 0) break;
    steps.push(step);
    for (const { name } of step) done.add(name);
  }
  return steps;
}

/** Whether nothing of it runs or is about to, and that is known. */
export function isGone({ machine: { state } }: Standing): boolean {
  return !["starting", "running", "stopping", "unreachable"].includes(state);
}

/** What a program still waits for. */
export function unmet(
  program: Program,
  find: (name: string) => Standing | undefined,
): [name: string, kind: string][] {
  return Object.entries(program.dependsOn).filter(([name, kind]) => {
    const other = find(name);
    if (other === undefined) return true;
    const { state, ready, exitCode, signal } = other.machine;
    const completed = state === "exited" && signal === undefined &&
      other.program.successExitCodes.includes(exitCode ?? -1);
    if (kind === "completed") return !completed;
    if (kind === "ready") return !(state === "running" && ready);
    return !(state === "running" || completed);
  });
}

/** The same in words; `undefined` if it waits for nothing. */
export function describeUnmet(
  program: Program,
  find: (name: string) => Standing | undefined,
): string | undefined {
  const what = unmet(program, find).map(([name, kind]) =>
    `${name} to be ${kind === "started" ? "running" : kind}`
  );
  return what.length === 0 ? undefined : `waits for ${what.join(", ")}`;
}

/** Those that go down and up with a program that they depend on, when that one just changed. */
export function restartsWith<S extends Standing>(one: Standing, all: readonly S[]): S[] {
  const { state, was, next } = one.machine;
  const again = state === "backoff" || state === "starting" ||
    (state === "stopping" && next !== "stopped");
  if (was !== "running" || !again) return [];
  return all.filter(({ program, machine }) =>
    program.withDependency && Object.hasOwn(program.dependsOn, one.program.name) &&
    (machine.state === "starting" || machine.state === "running")
  );
}

/** At the end of all: those that are told to stop now, as none that depends on them is left. */
export function stopsNext<S extends Standing>(all: readonly S[]): S[] {
  const left = all.filter((one) => !isGone(one));
  return all.filter(({ program, machine: { state } }) => {
    if (state === "waiting" || state === "backoff" || state === "unreachable") return true;
    if (state !== "starting" && state !== "running") return false;
    return !left.some((other) => Object.hasOwn(other.program.dependsOn, program.name));
  });
}
