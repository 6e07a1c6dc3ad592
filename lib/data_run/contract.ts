// What the data-taking runs of an experiment are to those who use them, and what they are given.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import type { RunStatus, RunSummary, SafeStatus } from "../status/run_status.ts";
import type { RunRecord } from "./run_record.ts";
import type { RunsController } from "./runs_controller.ts";
import type { RunPlan } from "./timed_runs.ts";

/** Options of {@linkcode createDataRuns}. */
export interface DataRunsOptions {
  readonly controller: RunsController;
  readonly client: Client;
  readonly log: Log;
  /** Where numbers are kept, and whether the experiment is safe. */
  readonly stateFolder: string;
  /** Unix time in seconds. Default: the computer's clock. */
  readonly now?: () => number;
}

/** Data-taking runs. */
export interface DataRuns extends Disposable {
  /** Where the records are. */
  readonly folder: string;
  /** Takes up what a controller before this one left; before the programs are taken up. */
  takeUp(): void;
  /** What is told with the status of the experiment. */
  status(): { readonly run?: RunStatus; readonly safe?: SafeStatus };
  /**
   * Starts a run; resolves when every program has said that it is ready.
   *
   * @throws {RunRefusedError} If it cannot be started, or came to nothing.
   */
  start(
    by: string,
    label: string,
    plan?: RunPlan & { readonly number?: number },
  ): Promise<RunStatus>;
  /**
   * Stops the run, and what was to follow it; resolves when every program has said that it is done, or had its time.
   *
   * @param number The run that is meant. Default: the one that there is.
   * @throws {RunRefusedError} If there is none, or it is another one.
   */
  stop(by: string, number?: number): Promise<RunStatus>;
  /**
   * Writes a note into the record of a run. Default: the one that is open, else the last.
   *
   * @returns The run's number; and `problem`, why it is not on the disk yet.
   * @throws {RunRefusedError} If there is no such run, or it cannot be written.
   */
  note(
    by: string,
    text: string,
    run?: number,
  ): { readonly run: number; readonly problem?: string };
  /** Makes the experiment safe. */
  makeSafe(by: string, reason: string): void;
  /**
   * Somebody says that it need not be safe any more.
   *
   * @throws {RunRefusedError} If it is not safe.
   */
  leaveSafe(by: string): void;
  /** The last runs, the newest last. */
  list(count: number): RunSummary[];
  /** All that is kept of a run. */
  find(run: number): RunRecord | undefined;
  /** Ends an open run in order, before the programs are stopped. */
  shutdown(): Promise<void>;
  /** Ends an open run at once. */
  cut(): void;
  /** Calls the handler after each change. */
  onChange(handler: () => void): void;
}
