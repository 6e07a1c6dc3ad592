// What programs wait for: the order of starting and of stopping, and who goes down with whom. Pure.

import type { Program } from "../experiment/program.ts";
import type { Machine } from "./program_state.ts";

/** A program and where it is. */
export interface Standing {
  readonly program: Program;
  readonly machine: Pick<Machine, "state" | "was" | "next" | "ready" | "exitCode" | "signal">;
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

/**
 * At the end of all: those that are told to stop now, as none that depends on it is left; at once those that
 * stop already, and would start again then.
 */
export function stopsNext<S extends Standing>(all: readonly S[]): S[] {
  const left = all.filter((one) => !isGone(one));
  return all.filter(({ program, machine: { state, next } }) => {
    if (state === "waiting" || state === "backoff" || state === "unreachable") return true;
    if (state === "stopping") return next !== "stopped";
    if (state !== "starting" && state !== "running") return false;
    return !left.some((other) => Object.hasOwn(other.program.dependsOn, program.name));
  });
}
