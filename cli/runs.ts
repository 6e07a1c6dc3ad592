// abcd runs: the runs of an experiment, and all that is known of one.

import { readRecord, readSummaries } from "../lib/data_run/read_runs.ts";
import { openRunFolder } from "../lib/data_run/run_folder.ts";
import { type RunRecord, summaryOf } from "../lib/data_run/run_record.ts";
import type { RunSummary } from "../lib/status/run_status.ts";
import { recordLines, runLines } from "../lib/terminal/run_text.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";

interface Source {
  list(count: number): Promise<readonly RunSummary[]>;
  find(run: number): Promise<RunRecord | undefined>;
}

/** Records that lie in a folder, without a controller. */
function folderSource(path: string): Source {
  const folder = openRunFolder(path);
  const load = (run: number): RunRecord | undefined => {
    const found = folder.load(run);
    if (found.kind === "torn") console.error(`Cannot read run ${run}: ${found.reason}`);
    return found.kind === "record" ? found.record : undefined;
  };
  return {
    list(count) {
      const numbers = count === 0 ? [] : folder.numbers().slice(-count);
      return Promise.resolve(numbers.flatMap((run) => {
        const record = load(run);
        return record === undefined ? [] : [summaryOf(record)];
      }));
    },
    find: (run) => Promise.resolve(load(run)),
  };
}

/** `abcd runs`. */
export default defineCommand({
  name: "runs",
  summary: "list the data-taking runs, or show one",
  usage: "[RUN]",
  arity: [0, 1],
  description:
    "A verdict is good, tainted (a program ended or was restarted during the run), interrupted (it did not end as somebody wanted) or aborted (it never began).",
  options: {
    count: { type: "number", value: "COUNT", default: 20, help: "so many of the last, up to 1000" },
    folder: {
      type: "text",
      value: "FOLDER",
      help: "read the records in this folder, without asking the controller",
    },
    json: { type: "flag", help: "one JSON object a run" },
    ...CONTROL_OPTIONS,
  },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd runs", "the last runs"],
    ["abcd runs 17", "all that is known of run 17"],
    ["abcd runs --folder /data/runs --json", "for another program, also without a controller"],
  ],
  async run({ options, args, stop }) {
    const [wanted] = args;
    const number = Number(wanted);
    if (wanted !== undefined && !/^\d{1,9}$/.test(wanted)) {
      throw new UsageError(`Cannot show run "${wanted}": it is no number`);
    }
    await using controller = options.folder === undefined
      ? await openController("runs", options, stop)
      : undefined;
    const source: Source = controller === undefined ? folderSource(options.folder ?? "") : {
      list: async (count) => readSummaries(await controller.ask("runs", { count })),
      find: async (run) => readRecord(await controller.ask("runs", { run })),
    };
    const now = Date.now() / 1000;
    const show = (lines: readonly string[]) =>
      console.log(lines.map((line) => escapeControls(line)).join("\n"));
    if (wanted === undefined) {
      const runs = await source.list(options.count);
      if (options.json) { for (const run of runs) console.log(JSON.stringify(run)); }
      else show(runLines(runs, now));
      return EXIT.done;
    }
    const record = await source.find(number);
    if (record === undefined) throw new CommandError(`Cannot show run ${number}: there is none`);
    if (options.json) console.log(JSON.stringify(record));
    else show(recordLines(record, now));
    return EXIT.done;
  },
});
