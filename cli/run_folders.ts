// The folders that an experiment's controller writes to.

import { stateHome } from "../lib/environment.ts";
import { LockedError, openStateFolder, type StateFolder } from "../lib/run/state_folder.ts";
import { CommandError } from "./command.ts";

/** Where everything of an experiment is kept. */
export function stateFolderOf(experiment: string): string {
  return `${stateHome()}/abcd/${experiment.replaceAll("/", "_").replace(/^\./, "_")}`;
}

/**
 * The folder, made if need be, as a path that means the same in every working folder.
 *
 * @throws {CommandError} If it cannot be made; with the hint behind the reason.
 */
export function makeFolder(path: string, hint = ""): string {
  try {
    Deno.mkdirSync(path, { recursive: true });
    return Deno.realPathSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot make the folder ${path}: ${why}${hint}`);
  }
}

/**
 * Takes the folder for this process alone.
 *
 * @throws {CommandError} If another controller has it.
 */
export async function takeStateFolder(path: string, file: string): Promise<StateFolder> {
  try {
    return await openStateFolder(path, `pid ${Deno.pid} (${file})`);
  } catch (error) {
    if (error instanceof LockedError) throw new CommandError(error.message);
    throw error;
  }
}
