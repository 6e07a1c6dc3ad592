// abcd why: what is known of the last unexpected ends of a program.

import { timeOfDay } from "../lib/log.ts";
import { readVerdicts } from "../lib/run/read_status.ts";
import { escapeControls } from "../lib/terminal/table.ts";
import { defineCommand, EXIT } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";

/** Day and time, local: `2026-11-24 03:12:45`. */
function moment(unixSec: number): string {
  const date = new Date(unixSec * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${timeOfDay(date).slice(0, 8)}`;
}

/** `abcd why`. */
export default defineCommand({
  name: "why",
  summary: "show why programs ended",
  usage: "[PROGRAM…]",
  arity: [0, Infinity],
  description:
    "For each unexpected end: exit code or signal in words, how long it ran, what happens next, and its last lines. The last end comes last.",
  options: {
    json: { type: "flag", help: "the controller's answer, one JSON object for each end" },
    ...CONTROL_OPTIONS,
  },
  examples: [
    ["abcd why ccd1", "why ccd1 ended, each time that is remembered"],
    ["abcd why --json", "of all programs, for another program to read"],
  ],
  async run({ options, args, stop }) {
    await using controller = await openController("why", options, stop);
    const answer = await controller.ask("why", args.length === 0 ? {} : { programs: [...args] });
    if (options.json) {
      const { verdicts } = answer;
      for (const one of Array.isArray(verdicts) ? verdicts : []) console.log(JSON.stringify(one));
      return EXIT.done;
    }
    const verdicts = readVerdicts(answer);
    if (verdicts.length === 0) {
      console.log(`${args.length === 0 ? "No program" : args.join(", ")}: no unexpected end`);
    }
    for (const { program, time, text } of verdicts) {
      const [first = "", ...rest] = text.split("\n").map(escapeControls);
      console.log(
        [`${time === undefined ? "" : `${moment(time)}  `}${program}: ${first}`, ...rest].join(
          "\n",
        ),
      );
    }
    return EXIT.done;
  },
});
