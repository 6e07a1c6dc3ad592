// abcd logs: the programs' output, the last lines and what follows.

import { readLogLines } from "../lib/status/read_status.ts";
import { programTopic } from "../lib/status/topics.ts";
import { timeOfDay } from "../lib/log.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { useColor } from "./common.ts";
import { aborted, CommandError, defineCommand, EXIT } from "./command.ts";
import { CONTROL_OPTIONS, openController } from "./control.ts";
import { openStandardError } from "./standard_error.ts";
import { openStandardOutput } from "./standard_output.ts";

/** Colours that are told apart on dark and on light ground; the names tell them apart too. */
const PAINTS = ["36", "33", "35", "32", "34", "96", "93", "95"];

/** Most lines that are held until the controller has answered. */
const MAX_HELD = 10_000;

/** Characters that wait for who reads the lines: a pager at its first page, a terminal after Ctrl-S. */
const MOST_WAITING = 16 * 1024 ** 2;

/** `abcd logs`. */
export default defineCommand({
  name: "logs",
  summary: "show what programs wrote, and follow it",
  usage: "[PROGRAM…]",
  arity: [0, Infinity],
  description:
    "The last lines of these programs, or of all, each with its program's name. With --follow it goes on with every new line, until Ctrl-C, also when the controller or the hub comes back.",
  options: {
    follow: { type: "flag", short: "f", help: "go on with what is written from now on" },
    lines: { type: "number", short: "n", value: "N", default: 20, help: "of each program" },
    ...CONTROL_OPTIONS,
  },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd logs", "the last lines of all programs"],
    ["abcd logs -f ccd1 ccd2", "these two, and what they write from now on"],
    ["abcd logs -n 200 hv", "more of one"],
  ],
  async run({ options, args, stop }) {
    await using controller = await openController("logs", options, stop);
    const { client, name } = controller;
    const color = useColor(Deno.stdout);
    const paints = new Map<string, string>();
    let width = 0;
    // Neither the place in the hub nor Ctrl-C is to wait for who reads.
    const errors = openStandardError(() => {});
    const output = openStandardOutput({
      stop,
      mostWaiting: MOST_WAITING,
      missed: (count, since) =>
        errors.write(
          `${count} lines since ${
            timeOfDay(new Date(since))
          } are not shown, as nobody read them: abcd logs -n ${count} has them`,
        ),
    });
    const show = (program: string, line: string) => {
      const paint = paints.get(program) ?? PAINTS[paints.size % PAINTS.length] ?? "0";
      paints.set(program, paint);
      width = Math.max(width, program.length);
      const label = escapeControls(program).padEnd(width);
      const text = escapeControls(line);
      output.write(color ? `\x1b[${paint}m${label}\x1b[0m | ${text}` : `${label} | ${text}`);
    };
    const programs = args.length === 0 ? {} : { programs: [...args] };
    /** When the lines of the answer were read, by who sent them; what came before is held. */
    let read: { readonly [from: string]: number } | undefined;
    let held: { readonly from: string; readonly time: number; readonly show: () => void }[] = [];
    let experiment: string | undefined;
    const over = Promise.race([output.gone, aborted(stop)]);
    over.catch(() => {});
    const ask = async (lines: number) => {
      read = undefined;
      const follow = options.follow ? { follow: true } : {};
      let at: { readonly [from: string]: number } = {};
      try {
        const answer = await controller.ask("log", { ...programs, lines, ...follow });
        const found = readLogLines(answer);
        ({ at, experiment } = found);
        if (lines > 0) { for (const problem of found.problems) errors.write(problem); }
        width = Math.max(width, ...found.lines.map(({ program }) => program.length));
        for (const { program, line } of found.lines) show(program, line);
      } finally {
        for (const one of held) if (one.time > (at[one.from] ?? 0)) one.show();
        held = [];
        read = at;
      }
    };
    if (!options.follow) {
      await ask(options.lines);
      await output.written();
      if (output.isGone) await output.gone;
      return EXIT.done;
    }
    client.subscribe(
      programTopic(name, "+", "log"),
      ({ from = "", time = 0, program, line, experiment: of }) => {
        if (typeof program !== "string" || typeof line !== "string") return;
        if (args.length > 0 && !args.includes(program)) return;
        if (experiment !== undefined && of !== experiment) return;
        const one = () => show(program, line);
        if (read !== undefined) one();
        else if (held.length < MAX_HELD) held.push({ from, time, show: one });
      },
    );
    await client.flush({ timeoutSec: options.timeout, signal: stop });
    await ask(options.lines);
    // A controller or a hub that came back does not know that somebody follows.
    const again = () => void ask(0).catch((error) => errors.write(String(error.message ?? error)));
    client.subscribe("_hub/joined", (message) => {
      if (message.name === name) again();
    });
    client.addEventListener("lost", ({ reason }) => errors.write(`lost: ${reason}`));
    client.addEventListener("joined", ({ again: isAgain }) => isAgain && again());
    try {
      await over;
      await output.written();
    } catch (error) {
      throw new CommandError(error instanceof Error ? error.message : String(error));
    }
    return EXIT.done;
  },
});
