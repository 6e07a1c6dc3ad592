// What must hold before a run may start, and who takes part in it. Pure.

import { clientOf, type Program } from "../experiment/program.ts";
import type { ProgramStatus } from "../status/program_status.ts";
import type { Participant } from "./run_state.ts";

function describe(status: ProgramStatus | undefined): string {
  if (status === undefined) return "is not there";
  const state = status.state === "running" ? "running, but not ready" : status.state;
  return `is ${state}${status.reason === undefined ? "" : ` (${status.reason})`}`;
}

/** Whether somebody wants it to be off: only such a program may be missing in a run. */
function isOff(status: ProgramStatus | undefined): boolean {
  return status === undefined || status.state === "stopped";
}

/** Who is told of a run that starts now: all with a `runOrder` but those that are stopped. */
export function participantsOf(
  programs: readonly Program[],
  find: (name: string) => ProgramStatus | undefined,
): readonly (Participant & { readonly client: string })[] {
  return programs.flatMap((program) => {
    const { name, runOrder } = program;
    if (runOrder === undefined || isOff(find(name))) return [];
    return [{ program: name, order: runOrder, client: clientOf(program) }];
  });
}

/** Everything in the state of the programs that forbids a start, in words; empty: nothing. */
export function problemsOf(
  programs: readonly Program[],
  find: (name: string) => ProgramStatus | undefined,
): readonly string[] {
  return programs.flatMap((program) => {
    const { name, required, essential, runOrder } = program;
    const status = find(name);
    if (status?.state === "running" && status.ready) return [];
    if (required || essential) {
      return [`${name}, which is ${essential ? "essential" : "required"}, ${describe(status)}`];
    }
    if (runOrder === undefined || isOff(status)) return [];
    const isOver = status?.state === "fatal" || status?.state === "exited";
    const first = isOver ? "start it" : "wait";
    return [
      `${name} takes part in runs and ${describe(status)}: ${first}, or stop it to go without it`,
    ];
  });
}

/**
 * The programs of a run of which nothing runs, or is to run by itself: if these are all that take part
 * (or, where none does, all there are), else `undefined`.
 */
export function allGone(
  participants: readonly Pick<Participant, "program">[],
  programs: readonly ProgramStatus[],
): readonly string[] | undefined {
  const part = participants.map(({ program }) => program);
  const names = part.length > 0 ? part : programs.map(({ name }) => name);
  const isGone = (name: string) => {
    // One that is no longer in the file is gone, too.
    const { state = "stopped" } = programs.find((one) => one.name === name) ?? {};
    return state === "stopped" || state === "exited" || state === "fatal";
  };
  return names.length > 0 && names.every(isGone) ? names : undefined;
}
