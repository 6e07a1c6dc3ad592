// abcd status: how the programs of an experiment are, from any computer through the hub.

import { readStatus } from "../lib/run/read_status.ts";
import { renderTable } from "../lib/terminal/table.ts";
import { useColor } from "./common.ts";
import { defineCommand, EXIT } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";

/** Columns of the table where there is no terminal that says. */
const COLUMNS = 120;

function terminalColumns(): number {
  if (!Deno.stdout.isTerminal()) return COLUMNS;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return COLUMNS;
  }
}

/** `abcd status`. */
export default defineCommand({
  name: "status",
  summary: "show how the programs of an experiment are",
  usage: "[PROGRAM…]",
  arity: [0, Infinity],
  description:
    "Asks the run controller through the hub, from any computer. The exit code is 0 only if every program shown runs and is ready, or ended as it should.",
  options: {
    json: { type: "flag", help: "one JSON object" },
    ...CONTROL_OPTIONS,
  },
  examples: [
    ["abcd status", "a table of all programs"],
    ["abcd status ccd1 --json", "one of them, for another program to read"],
  ],
  async run({ options, args, stop }) {
    await using controller = await openController("status", options, stop);
    const answer = await controller.ask("status", args.length === 0 ? {} : { programs: [...args] });
    const status = { hub: controller.client.hub?.name, ...readStatus(answer) };
    status.hub ??= controller.client.hub?.name;
    if (options.json) {
      console.log(JSON.stringify(status));
    } else {
      const lines = renderTable(status, {
        columns: terminalColumns(),
        rows: Infinity,
        color: useColor(Deno.stdout),
        now: Date.now() / 1000,
      });
      console.log(lines.join("\n"));
    }
    const isWell = status.programs.every(({ state, ready }) =>
      state === "exited" || (state === "running" && ready)
    );
    return isWell ? EXIT.done : EXIT.failed;
  },
});
