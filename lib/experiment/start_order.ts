// The order that `dependsOn` makes of the programs of a file, and whether it makes one. Pure.

import type { Program } from "./program.ts";

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
