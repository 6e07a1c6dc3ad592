// abcd safe: brings everything into a state in which nothing can be harmed, and out of it again.

import { readSafeStatus } from "../lib/status/read_run_status.ts";
import { EVERYONE, type Message } from "../lib/message.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";
import { whoAsks } from "./data_run.ts";

/** `abcd safe`. */
export default defineCommand({
  name: "safe",
  summary: "make the experiment safe, or say that it may go on",
  usage: "[REASON…]",
  arity: [0, Infinity],
  description:
    'Tells every program "safe", and ends the run as interrupted. The controller does the same when a program with "essential" is lost. No run starts until a person says --leave; that outlives the controller and the computer. If there is no controller, all clients of the hub are told from here, exit code 1.',
  options: {
    leave: { type: "flag", help: "it may go on; runs can be started again" },
    ...CONTROL_OPTIONS,
  },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd safe water on the floor", "now, and say why"],
    ["abcd safe --leave", "when somebody has looked, and it may go on"],
  ],
  async run({ options, args, stop }) {
    const reason = args.join(" ").slice(0, 200);
    if (options.leave && args.length > 0) {
      throw new UsageError("Cannot give a reason with --leave; write it down with abcd note");
    }
    await using controller = await openController("safe", options, stop);
    const [cmd, fields] = options.leave ? ["leave-safe", {}] : ["make-safe", { reason }];
    let answer: Message;
    try {
      answer = await controller.ask(cmd, { ...fields, by: whoAsks() });
    } catch (error) {
      if (options.leave || stop.aborted) throw error;
      // Nobody is there to tell the programs: then they are told from here.
      const { client } = controller;
      let refusal: string | undefined;
      client.addEventListener("refused", ({ text }) => refusal = text);
      client.send({ cmd: "safe", to: EVERYONE, reason: reason || whoAsks(), experiment: "" });
      await client.flush({ timeoutSec: options.timeout, signal: stop });
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandError(
        refusal === undefined
          ? `${why}\nAll clients of the hub were told "safe" from here; no controller keeps it so`
          : `${why}\nNobody was told "safe" from here, either: ${refusal}`,
      );
    }
    const safe = readSafeStatus(answer.safe);
    console.log(
      safe === undefined
        ? "The experiment is not safe any more; a run can be started"
        : `The experiment is safe: ${escapeControls(safe.reason)}`,
    );
    return EXIT.done;
  },
});
