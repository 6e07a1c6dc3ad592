// What is told of data-taking runs: in `status` and `runs` answers, on topic `CONTROLLER/current`, in the
// table's title. The shape of messages, shared by those who send and those who show it.

/**
 * What a run is worth. `good`: nothing happened. `tainted`: something ended or was restarted in it.
 * `interrupted`: it did not end as somebody wanted. `aborted`: it never began.
 */
export const RUN_VERDICTS = ["good", "tainted", "interrupted", "aborted"] as const;
/** One of {@linkcode RUN_VERDICTS}. */
export type RunVerdict = typeof RUN_VERDICTS[number];

/** Where a run is; `idle`: there is none. */
export const RUN_PHASES = ["idle", "starting", "running", "stopping"] as const;
/** One of {@linkcode RUN_PHASES}. */
export type RunPhase = typeof RUN_PHASES[number];

/** The run that is open now, or that there is none. Times are Unix time in seconds. */
export type RunStatus = {
  readonly phase: RunPhase;
  /** The number of the run that is open; without one, of the last run, if there ever was one. */
  readonly number?: number;
  readonly label?: string;
  /** When its number was given. */
  readonly begin?: number;
  readonly end?: number;
  /** Of the run that is open: what it would be if it ended now. Of the last one: what it was. */
  readonly verdict?: RunVerdict;
  /** Why it is no better than that, or why the last start came to nothing. */
  readonly reason?: string;
  /** It is stopped so many seconds after it started. */
  readonly forSec?: number;
  /** Another one follows then. */
  readonly repeat?: boolean;
  /** Programs that have been told, and have not answered yet. */
  readonly waiting?: readonly string[];
};

/** The experiment is safe: no run is started until somebody says that it may. */
export type SafeStatus = {
  readonly reason: string;
  /** Unix time in seconds. */
  readonly since: number;
  /** Who said so; absent: the controller itself. */
  readonly by?: string;
};

/** One line of `abcd runs`. Times are Unix time in seconds. */
export type RunSummary = {
  readonly run: number;
  readonly label: string;
  readonly begin: number;
  readonly end?: number;
  readonly phase: RunPhase | "ended";
  /** Absent while it is open. */
  readonly verdict?: RunVerdict;
  readonly reason?: string;
  /** How many notes there are. */
  readonly notes: number;
};
