// What an experiment file names and is not there: no error of the file, as it may come to be there,
// but worth a word before a program fails for it.

import type { Experiment } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";
import { whyNoCommand } from "../process/command_path.ts";

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function doubtsOfOne(
  { name, host, argv, cwd, env, ready, alive }: Program,
  place: Experiment["place"],
) {
  // What is on another computer is not for this one to know.
  if (host !== undefined) return [];
  if (!isFolder(cwd)) {
    return [`${place(name, "cwd")}: the folder of program ${name} is not there: ${cwd}`];
  }
  const path = env.PATH ?? Deno.env.get("PATH") ?? "";
  const doubts: string[] = [];
  function look(key: "cmd" | "ready" | "alive", command: string): void {
    // The controller brings itself along.
    const why = command === "abcd" ? undefined : whyNoCommand(command, cwd, path);
    if (why === undefined) return;
    const what = key === "cmd" ? `program ${name}` : `"${key}" of program ${name}`;
    doubts.push(`${place(name, key)}: ${what} cannot be started: ${why}`);
  }
  look("cmd", argv[0] ?? "");
  for (const [key, probe] of [["ready", ready], ["alive", alive]] as const) {
    if (probe?.check.kind === "exec") look(key, probe.check.argv[0] ?? "");
  }
  return doubts;
}

/** What the programs of this computer need and is not there, a line each with its place in the file. */
export function doubtsOf({ programs, place }: Experiment): string[] {
  return programs.flatMap((program) => doubtsOfOne(program, place));
}
