// What data-taking runs need of the run controller; that knows nothing of them.

import type { Experiment } from "../experiment/experiment_file.ts";
import type { Alarms } from "../status/alarms.ts";
import type { ExperimentStatus, ProgramStatus } from "../status/program_status.ts";
import type { Verdict } from "../run/verdict.ts";

/** What runs need of the run controller. */
export interface RunsController {
  readonly experiment: Experiment;
  readonly alarms: Alarms;
  readonly ending: boolean;
  status(): ExperimentStatus;
  onChange(handler: (status: ProgramStatus) => void): void;
  onVerdict(handler: (program: string, verdict: Verdict) => void): void;
}
