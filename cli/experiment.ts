// The experiment file that a command line names.

import { FileError } from "../lib/jsonc_file.ts";
import { type Experiment, parseExperiment } from "../lib/experiment/experiment_file.ts";
import { CommandError, UsageError } from "./command.ts";

function whyUnreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) {
    return `there is no such file in ${Deno.cwd()}; "abcd init" writes an example`;
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder; name the file in it";
  return error instanceof Error ? error.message : String(error);
}

/**
 * Reads an experiment file.
 *
 * @throws {CommandError} If it cannot be read.
 * @throws {UsageError} With every error that it has.
 */
export function readExperiment(path: string): Experiment {
  let text: string;
  let real: string;
  try {
    real = Deno.realPathSync(path);
    text = Deno.readTextFileSync(real);
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${whyUnreadable(error)}`);
  }
  try {
    return parseExperiment(text, real);
  } catch (error) {
    if (error instanceof FileError) throw new UsageError(error.problems.join("\n"));
    throw error;
  }
}
