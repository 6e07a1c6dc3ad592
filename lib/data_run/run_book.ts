// The records of an experiment's runs: the one that is open, which is written again at each change,
// and those of before.

import type { Log } from "../log.ts";
import { sweepFolder } from "./durable_file.ts";
import { createKeptFile } from "./kept_file.ts";
import { openRunFolder } from "./run_folder.ts";
import { openRunNumbers } from "./run_number.ts";
import { type RunNote, type RunRecord, summaryOf } from "./run_record.ts";
import type { RunSummary } from "../status/run_status.ts";

/** Options of {@linkcode openRunBook}. */
export interface RunBookOptions {
  readonly experiment: string;
  /** Where the numbers are. */
  readonly stateFolder: string;
  /** Where the records are. */
  readonly runFolder: string;
  readonly log: Log;
  /** Called when the record of the open run can be written no longer, or again. */
  readonly changed: () => void;
}

/** The records of an experiment's runs. */
export interface RunBook extends Disposable {
  /** Of the run that is open, or of the last one; absent: there was none. */
  readonly record: RunRecord | undefined;
  /** Why that record cannot be written; absent: it is on the disk, or soon will be. */
  readonly problem: string | undefined;
  /** Unix time in seconds of the last sign that somebody looked after that run. */
  readonly lookedAfter: number | undefined;
  /**
   * Opens a run under a new number. It and its record are on the disk when this returns.
   *
   * @throws {Error} If either cannot be written; then there is no such run.
   */
  open(record: Omit<RunRecord, "run">, wanted?: number): RunRecord;
  /** Changes the record. `isUrgent`: it is on the disk when this returns, if the disk takes it. */
  change(change: Partial<RunRecord>, isUrgent?: boolean): void;
  /** Leaves a sign that the run is looked after. */
  touch(): void;
  /** A record by its number. */
  find(run: number): RunRecord | undefined;
  /** Writes a note into a record that is not open.
   *
   * @throws {Error} If it cannot be written.
   */
  noteIn(record: RunRecord, note: RunNote): void;
  /** The last runs, the newest last. */
  list(count: number): RunSummary[];
}

/** What is not urgent waits this long for more, in milliseconds. */
const SOON_MS = 200;
/** So many numbers are tried if there are records that are not ours. */
const TRIES = 100;

/** Opens the book; reads the last record of the experiment. */
export function openRunBook(options: RunBookOptions): RunBook {
  const { experiment, stateFolder, runFolder, log, changed } = options;
  const folder = openRunFolder(runFolder);
  for (const path of [stateFolder, runFolder]) sweepFolder(path);
  const warn = (text: string) => log.warn(text);
  const numbers = openRunNumbers(stateFolder, () => folder.numbers().at(-1) ?? 0, warn);
  const file = createKeptFile(log, changed);
  let record = readLast();
  let soon: ReturnType<typeof setTimeout> | undefined;

  function readLast(): RunRecord | undefined {
    let known: number[] = [];
    try {
      known = folder.numbers();
    } catch (error) {
      log.error(`Cannot read ${runFolder}: ${error instanceof Error ? error.message : error}`);
    }
    for (const run of known.reverse()) {
      const found = folder.load(run);
      if (found.kind === "torn") log.error(`the record of run ${run}: ${found.reason}`);
      if (found.kind === "record" && found.record.experiment === experiment) return found.record;
    }
    return undefined;
  }

  function write(): void {
    clearTimeout(soon);
    soon = undefined;
    const now = record;
    if (now !== undefined) file.write(() => folder.save(now));
  }

  const find = (run: number) => {
    if (run === record?.run) return record;
    const found = folder.load(run);
    if (found.kind === "torn") throw new Error(`the record of run ${run}: ${found.reason}`);
    return found.kind === "record" ? found.record : undefined;
  };

  return {
    get record() {
      return record;
    },
    get problem() {
      return file.problem;
    },
    get lookedAfter() {
      return record === undefined ? undefined : folder.touched(record.run);
    },
    open(fresh, wanted) {
      for (let tries = 0;; tries++) {
        const next = { ...fresh, run: numbers.take(wanted) };
        try {
          folder.save(next, true);
          return record = next;
        } catch (error) {
          // Somebody else's record of this number, in a folder that several share.
          const isTaken = error instanceof Deno.errors.AlreadyExists;
          if (!isTaken || wanted !== undefined || tries >= TRIES) throw error;
        }
      }
    },
    change(change, isUrgent = false) {
      if (record === undefined) return;
      record = { ...record, ...change };
      if (isUrgent) return write();
      soon ??= setTimeout(write, SOON_MS);
    },
    touch() {
      if (record === undefined) return;
      try {
        folder.touch(record.run);
      } catch {
        // it is a sign alone; that the disk is away is told when something is written
      }
    },
    find,
    noteIn(old, note) {
      const next = { ...old, notes: [...old.notes, note] };
      folder.save(next);
      if (record?.run !== old.run) return;
      record = next;
      // What could not be written before has no note, and is not to be written over this.
      if (file.problem !== undefined) write();
    },
    list(count) {
      const all = count === 0 ? [] : folder.numbers().slice(-count);
      return all.flatMap((run) => {
        const found = run === record?.run ? record : undefined;
        if (found !== undefined) return [summaryOf(found)];
        const { kind, ...rest } = folder.load(run);
        return kind === "record" && "record" in rest ? [summaryOf(rest.record)] : [];
      });
    },
    [Symbol.dispose]() {
      if (soon !== undefined) write();
      file[Symbol.dispose]();
      // The log is the last place for it.
      if (file.problem !== undefined) {
        log.error(`what was not written: ${JSON.stringify({ ...record, config: undefined })}`);
      }
    },
  };
}
