// Numbers of runs: each is given once. Two copies are kept, and each is on the disk before the
// number is told to anybody; the records of runs count too.

import { decodeRecord, encodeRecord } from "../run/state_folder.ts";
import { writeDurably } from "./durable_file.ts";

/** Highest number of a run: more would not fit into the names of their files. */
export const MOST_RUN = 999_999_999;

/** What is known of the last number. */
export type LastNumber =
  /** 0: there was none. */
  | { readonly kind: "known"; readonly number: number; readonly warnings: readonly string[] }
  | { readonly kind: "lost"; readonly text: string; readonly atLeast: number };

/** One copy, as it was found. */
export type NumberCopy =
  | { readonly kind: "absent" }
  | { readonly kind: "torn"; readonly reason: string }
  | { readonly kind: "number"; readonly number: number };

/**
 * The last number that was given, from both copies and the highest number of a record.
 *
 * The copies are written one behind the other, and no run has its number before both are. So one
 * good copy is enough: the other one can be ahead of it only by a number that nobody was told.
 */
export function lastNumber(copies: readonly NumberCopy[], recorded: number): LastNumber {
  const numbers = copies.flatMap((copy) => copy.kind === "number" ? [copy.number] : []);
  const torn = copies.flatMap((copy) => copy.kind === "torn" ? [copy.reason] : []);
  const number = Math.max(recorded, ...numbers);
  if (torn.length > 0 && numbers.length === 0) {
    const least = recorded === 0 ? "there is no record" : `the last record is of run ${recorded}`;
    const text = `what was the last number of a run cannot be read (${torn.join("; ")}); ${least}`;
    return { kind: "lost", text, atLeast: recorded };
  }
  return { kind: "known", number, warnings: torn };
}

function readCopy(path: string): NumberCopy {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "torn", reason: `${path}: ${why}` };
  }
  const found = decodeRecord(text);
  if (found.kind === "record") {
    const { record } = found;
    const number = typeof record === "object" && record !== null && "number" in record
      ? record.number
      : undefined;
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) {
      return { kind: "number", number };
    }
  }
  const why = found.kind === "torn" ? found.reason : "there is no number in it";
  return { kind: "torn", reason: `${path}: ${why}` };
}

/** The numbers of an experiment's runs. */
export interface RunNumbers {
  last(): LastNumber;
  /**
   * Gives a number that no run has had; it is on the disk when this returns.
   *
   * @param wanted This one; it must be higher than all before. Default: the next.
   * @throws {RangeError} If `wanted` is no number that can be given.
   * @throws {Error} If it is not known which were given, or it cannot be written.
   */
  take(wanted?: number): number;
}

/**
 * Opens the numbers that are kept in a folder.
 *
 * @param recorded The highest number of a record.
 * @param warn Takes what is odd but no reason not to start.
 */
export function openRunNumbers(
  folder: string,
  recorded: () => number,
  warn: (text: string) => void,
): RunNumbers {
  const paths = [`${folder}/run-number`, `${folder}/run-number.copy`];
  /** The last that this process knows of: files that somebody removes do not bring it back. */
  let known = 0;
  const last = () => {
    const found = lastNumber(paths.map(readCopy), Math.max(known, recorded()));
    if (found.kind === "known") known = found.number;
    return found;
  };
  last();
  return {
    last,
    take(wanted) {
      const found = last();
      if (found.kind === "lost" && wanted === undefined) {
        throw new Error(`${found.text}. Give the number: abcd start-run --number N`);
      }
      const before = found.kind === "lost" ? found.atLeast : found.number;
      if (found.kind === "known") found.warnings.forEach(warn);
      const number = wanted ?? before + 1;
      if (!Number.isSafeInteger(number) || number < 1 || number > MOST_RUN) {
        throw new RangeError(`${number} is no number of a run: they go from 1 to ${MOST_RUN}`);
      }
      if (number <= before) {
        throw new RangeError(`number ${number} was given before: the next one is ${before + 1}`);
      }
      for (const path of paths) writeDurably(path, encodeRecord({ number }));
      known = number;
      return number;
    },
  };
}
