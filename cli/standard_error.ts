// Standard error as a log writes it: nothing is held up when nobody reads, and the end of the program
// waits until the last lines are written.

import { createLineOutput, type LineOutput } from "../lib/process/line_output.ts";

const outputs: LineOutput[] = [];

/**
 * Standard error, line by line.
 *
 * @param missed Told how many lines there was no room for, and since when (Unix time in milliseconds).
 */
export function openStandardError(missed: (count: number, since: number) => void): LineOutput {
  const output = createLineOutput({ write: (bytes) => Deno.stderr.write(bytes), missed });
  outputs.push(output);
  return output;
}

/** Resolves when all is written that anybody reads. */
export async function standardErrorWritten(): Promise<void> {
  await Promise.all(outputs.map((output) => output.written()));
}
