// abcd note: what an operator wants to be known of a run.

import { escapeControls } from "../lib/plain_text.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";
import { whoAsks } from "./data_run.ts";

/** `abcd note`. */
export default defineCommand({
  name: "note",
  summary: "write a note into the record of a run",
  usage: "TEXT…",
  arity: [1, Infinity],
  description:
    "With your name and the time, into the record of the run that goes on; if there is none, of the last one. --run names another.",
  options: {
    run: { type: "number", value: "NUMBER", help: "the run that it is about" },
    ...CONTROL_OPTIONS,
  },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ['abcd note "cryostat was bumped"', "to the run that goes on"],
    ['abcd note --run 17 "do not use: shutter stuck"', "to an old one"],
  ],
  async run({ options, args, stop }) {
    const text = args.join(" ").trim();
    if (text === "") throw new UsageError("Cannot write the note down: there is no text");
    if (text.length > 2000) {
      throw new UsageError(`Cannot write the note down: ${text.length} characters are over 2000`);
    }
    await using controller = await openController("note", options, stop);
    const answer = await controller.ask("note", { text, run: options.run, by: whoAsks() });
    const { run, problem } = answer;
    if (typeof problem === "string") {
      throw new CommandError(
        `The note is in run ${run}, and not on the disk: ${
          escapeControls(problem)
        }. It is tried again; ` +
          "until there is room it is lost if the controller ends, so write it down elsewhere, too",
      );
    }
    console.log(`Written into the record of run ${run}`);
    return EXIT.done;
  },
});
