// abcd start-run: a data-taking run with a number of its own, told to every program that takes part.

import { MOST_RUN_SEC } from "../lib/data_run/timed_runs.ts";
import { defineCommand, EXIT, UsageError } from "./command.ts";
import { askForRun, RUN_OPTIONS, sentence } from "./data_run.ts";

/** `abcd start-run`. */
export default defineCommand({
  name: "start-run",
  summary: "start a data-taking run under the next number",
  usage: "[LABEL…]",
  arity: [0, Infinity],
  description:
    'Tells each program that has a "runOrder" in the experiment file, the lowest first, and waits until all have said that they are ready. A program that refuses, or says nothing for its "transitionSec", stops the start; those that were told already are told that it is over. A number is never given twice.',
  options: {
    number: {
      type: "number",
      value: "NUMBER",
      help: "take this number, which must be higher than all before; default: the next",
    },
    "for": {
      type: "seconds",
      value: "SECONDS",
      help: "stop it by itself after this time: 30m, 8h, up to 20d",
    },
    "repeat": {
      type: "flag",
      help: "with --for: start another one then, until somebody stops it or all is safe",
    },
    ...RUN_OPTIONS,
  },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd start-run", "the next run"],
    ["abcd start-run dark frames, lid on", "with a label"],
    ["abcd start-run --for 1h --repeat science", "a run each hour, through the night"],
    ["abcd start-run --number 5000", "go on from the numbers of another system"],
  ],
  async run({ options, args, stop }) {
    const label = args.join(" ");
    if (label.length > 200) throw new UsageError("Cannot take a label of more than 200 characters");
    const { number } = options;
    if (number !== undefined && !(Number.isSafeInteger(number) && number > 0)) {
      throw new UsageError(`Cannot take --number ${number}: it is no whole number from 1 on`);
    }
    const { for: forSec, repeat } = options;
    if (repeat && forSec === undefined) throw new UsageError("Cannot --repeat without --for");
    if (forSec !== undefined && !(forSec > 0 && forSec <= MOST_RUN_SEC)) {
      throw new UsageError("Cannot take --for: it is more than nothing and up to 20d");
    }
    const fields = { label, number, forSec, repeat };
    const run = await askForRun("start-run", options, fields, stop);
    console.log(sentence(run));
    return EXIT.done;
  },
});
