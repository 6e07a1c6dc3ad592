// What a runner writes down of its program, wherever that runs.

import type { Log } from "../log.ts";
import type { ProgramRecord } from "./record.ts";
import type { Verdict } from "./verdict.ts";

/** Verdicts that are kept. */
const VERDICTS = 20;

/** The verdicts with one more, oldest first; of too many the oldest go. */
export function withVerdict(verdicts: readonly Verdict[], one: Verdict): readonly Verdict[] {
  return [...verdicts, one].toSorted((a, b) => a.time - b.time).slice(-VERDICTS);
}

/**
 * Makes what writes a program's record down. Where nothing can be written, as on a full disk, that is
 * told once, and tried again: until then what is kept is older than what is, and processes are found by
 * their environment.
 */
export function createRecordKeeper(
  name: string,
  { log, save }: {
    readonly log: Log;
    readonly save: (name: string, record: ProgramRecord) => void;
  },
): (record: ProgramRecord) => void {
  let fails = false;
  return (record) => {
    try {
      save(name, record);
      fails = false;
    } catch (error) {
      if (!fails) log.error(error instanceof Error ? error.message : String(error));
      fails = true;
    }
  };
}
