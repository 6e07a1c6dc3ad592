// The experiment file that a command line names.

import { FileError } from "../lib/jsonc_file.ts";
import { type Experiment, parseExperiment } from "../lib/run/experiment_file.ts";
import { CommandError, UsageError } from "./command.ts";

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
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot read ${path}: ${why}`);
  }
  try {
    return parseExperiment(text, real);
  } catch (error) {
    if (error instanceof FileError) throw new UsageError(error.problems.join("\n"));
    throw error;
  }
}
