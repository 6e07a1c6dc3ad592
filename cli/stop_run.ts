// abcd stop-run: the end of a data-taking run.

import { showDuration } from "../lib/units.ts";
import { defineCommand, EXIT } from "./command.ts";
import { askForRun, RUN_OPTIONS, sentence } from "./data_run.ts";

/** `abcd stop-run`. */
export default defineCommand({
  name: "stop-run",
  summary: "stop the data-taking run",
  description:
    "Tells the programs that take part, in the reverse of the order in which the start was told, and waits until all have said that they are done, or had their time. Programs go on running.",
  options: RUN_OPTIONS,
  needs: ["net", "read", "env", "sys"],
  examples: [["abcd stop-run", "stop it, and see what it is worth"]],
  async run({ options, stop }) {
    const run = await askForRun("stop-run", options, {}, stop);
    const { begin, end } = run;
    const length = begin === undefined || end === undefined ? "" : `, ${showDuration(end - begin)}`;
    console.log(`${sentence(run)}${length}`);
    return EXIT.done;
  },
});
