// abcd run on a terminal: the live table, and what stays there when it has gone.

import type { DataRuns } from "../lib/data_run/contract.ts";
import { createLog, type Log } from "../lib/log.ts";
import type { Controller } from "../lib/run/contract.ts";
import type { ExperimentStatus } from "../lib/status/program_status.ts";
import { type Live, showLive } from "../lib/terminal/live.ts";
import { describeRun, safeTitle } from "../lib/terminal/run_text.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { logFrom, type LogValues, useColor, useUnicode } from "./common.ts";
import { describeProgram, verdictLines } from "./control.ts";
import { whoAsks } from "./data_run.ts";
import { openLogLines } from "./log_lines.ts";

/** Lines of a program's output that the table shows on its page of logs. */
const TABLE_LOG_LINES = 200;

/** The live table on the terminal, with keys, until it is disposed of. */
export function showTable(controller: Controller, runs: DataRuns): Live {
  return showLive({
    source: {
      status: controller.status,
      act(cmd, names) {
        if (controller.ending) return "the experiment is being stopped";
        controller.tell(cmd, names);
        return controller.status().programs.filter(({ name }) => names.includes(name))
          .map((one) => `${one.name}: ${describeProgram(one)}`).join("; ");
      },
      async actOnRun(cmd, run) {
        const by = whoAsks();
        if (cmd === "start-run") return describeRun(await runs.start(by, ""));
        if (cmd === "stop-run") return describeRun(await runs.stop(by, run));
        if (cmd === "make-safe") runs.makeSafe(by, `${by} says so`);
        else runs.leaveSafe(by);
        return runs.status().safe === undefined ? "runs can be started" : "the experiment is safe";
      },
      async lastLines(name) {
        const near = controller.output(name);
        if (near !== undefined) return near.tail(TABLE_LOG_LINES);
        const { lines, problems } = await controller.remoteLines([name], TABLE_LOG_LINES);
        return [...problems, ...lines.map(({ line }) => line)];
      },
      why: (program) =>
        controller.verdicts(program).toReversed().flatMap((
          one,
        ) => [...verdictLines({ program, ...one }), ""]),
    },
    color: useColor(Deno.stdout),
    unicode: useUnicode(),
    quitQuestion: "Stop all programs and quit?",
    // Nobody would start a program again meanwhile, and with --with-server the hub would be gone.
    mayNotHalt: "Not halted, as programs need abcd run: for a shell take another terminal",
  });
}

/** The log in a file alone: the table has the terminal for itself. */
export function fileLog(options: LogValues, path: string): Log {
  const { level } = logFrom("run", { ...options, "log-file": undefined });
  // The table tells of a full disk.
  return createLog({ name: "run", level, write: openLogLines(path, () => {}) });
}

/** What stays on the terminal when the table has gone. */
export function lastWords(
  name: string,
  status: ExperimentStatus,
  left: readonly string[],
  logFolder: string,
): string {
  const { programs, run, safe } = status;
  const failed = programs.filter(({ state }) => state === "fatal").map((program) => program.name);
  const end = left.length > 0
    ? `${left.join(", ")} could not be stopped and may run on; the next abcd run takes them up`
    : failed.length === 0
    ? `all ${programs.length} programs are stopped`
    : `stopped; ${failed.join(", ")} had failed for good`;
  return [
    `${name}: ${end}`,
    ...(run?.number === undefined ? [] : [escapeControls(describeRun(run))]),
    ...(safe === undefined ? [] : [escapeControls(safeTitle(safe))]),
    `Their output is in ${logFolder}`,
  ].join("\n");
}
