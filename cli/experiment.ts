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

/** @throws {UsageError} If it is not UTF-8, with the place of the first character that is not. */
function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // A character that was replaced there may also stand in the file as it is: that is UTF-8.
    const encoder = new TextEncoder();
    const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n");
    let at = 0;
    for (const [i, line] of lines.entries()) {
      const written = encoder.encode(`${line}\n`);
      const same = (byte: number, j: number) => byte === bytes[at + j] || at + j >= bytes.length;
      const wrong = written.findIndex((byte, j) => !same(byte, j));
      if (wrong >= 0) {
        const column = new TextDecoder().decode(written.subarray(0, wrong)).length + 1;
        throw new UsageError(
          `${path}:${
            i + 1
          }:${column}: a character that is not UTF-8, expected the file saved as UTF-8`,
        );
      }
      at += written.length;
    }
    throw new UsageError(`${path}:1:1: it is not UTF-8, expected the file saved as UTF-8`);
  }
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
    text = decode(Deno.readFileSync(real), real);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new CommandError(`Cannot read ${path}: ${whyUnreadable(error)}`);
  }
  try {
    return parseExperiment(text, real);
  } catch (error) {
    if (error instanceof FileError) throw new UsageError(error.problems.join("\n"));
    throw error;
  }
}
