// abcd why: what is known of the last unexpected ends of a program.

import { goodEnds } from "../lib/status/program_status.ts";
import { readStatus, readVerdicts } from "../lib/status/read_status.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { defineCommand, EXIT } from "./command.ts";
import { CONTROL_OPTIONS, openController, verdictLines } from "./control.ts";

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
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd why ccd1", "why ccd1 ended, each time that is remembered"],
    ["abcd why --json", "of all programs, for another program to read"],
  ],
  async run({ options, args, stop }) {
    await using controller = await openController("why", options, stop);
    const which = args.length === 0 ? {} : { programs: [...args] };
    const answer = await controller.ask("why", which);
    if (options.json) {
      const { verdicts } = answer;
      for (const one of Array.isArray(verdicts) ? verdicts : []) console.log(JSON.stringify(one));
      return EXIT.done;
    }
    const verdicts = readVerdicts(answer);
    if (verdicts.length === 0) {
      const whose = args.length === 0 ? "" : ` of ${args.join(", ")}`;
      console.log(`No unexpected end${whose} so far`);
    }
    for (const verdict of verdicts) {
      console.log(verdictLines(verdict).map(escapeControls).join("\n"));
    }
    const told = new Set(verdicts.map(({ program }) => program));
    const { programs } = readStatus(await controller.ask("status", which));
    for (const program of programs) {
      const ends = told.has(program.name) ? "" : goodEnds(program);
      if (ends !== "") console.log(`${program.name}: ${ends}`);
    }
    return EXIT.done;
  },
});
