// The records of runs on the disk: one JSON file each, named for the number.

import { writeDurably } from "./durable_file.ts";
import { encodeRunRecord, parseRunRecord, type RunRecord } from "./run_record.ts";

/** What was found where a record should be. */
export type FoundRun =
  | { readonly kind: "absent" }
  | { readonly kind: "torn"; readonly reason: string }
  | { readonly kind: "record"; readonly record: RunRecord };

/** A folder of records. */
export interface RunFolder {
  readonly path: string;
  /** The numbers of which there is a file, lowest first. */
  numbers(): number[];
  load(run: number): FoundRun;
  /**
   * Writes a record; it is on the disk when this returns.
   *
   * @param isNew There may be no file of this number yet.
   * @throws {Deno.errors.AlreadyExists} If it `isNew` and there is one.
   * @throws {Error} If it cannot be written.
   */
  save(record: RunRecord, isNew?: boolean): void;
  /** Leaves a sign that the run was still looked after now. */
  touch(run: number): void;
  /** Unix time in seconds of the last sign. */
  touched(run: number): number | undefined;
}

const NAME = /^(\d{6,9})\.json$/;

/** The name of a run's file: `000017.json`. */
function runFile(run: number): string {
  return `${String(run).padStart(6, "0")}.json`;
}

/** Opens a folder, and makes it when the first record is written. */
export function openRunFolder(path: string): RunFolder {
  const pathOf = (run: number) => `${path}/${runFile(run)}`;
  return {
    path,
    numbers() {
      let entries: Deno.DirEntry[];
      try {
        entries = [...Deno.readDirSync(path)];
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
      return entries.flatMap(({ name }) => {
        const digits = NAME.exec(name)?.[1];
        return digits === undefined ? [] : [Number(digits)];
      }).sort((a, b) => a - b);
    },
    load(run) {
      let text: string;
      try {
        text = Deno.readTextFileSync(pathOf(run));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
        return { kind: "torn", reason: error instanceof Error ? error.message : String(error) };
      }
      const record = parseRunRecord(text);
      if (record?.run === run) return { kind: "record", record };
      return { kind: "torn", reason: `${pathOf(run)} is no record of run ${run}` };
    },
    save(record, isNew = false) {
      Deno.mkdirSync(path, { recursive: true });
      writeDurably(pathOf(record.run), encodeRunRecord(record), isNew);
    },
    touch(run) {
      const now = new Date();
      Deno.utimeSync(pathOf(run), now, now);
    },
    touched(run) {
      try {
        const { mtime } = Deno.statSync(pathOf(run));
        return mtime === null ? undefined : mtime.getTime() / 1000;
      } catch {
        return undefined;
      }
    },
  };
}
