// abcd attach: the terminal of a program that runs in GNU screen.

import type { ProgramStatus } from "../lib/status/program_status.ts";
import { readStatus } from "../lib/status/read_status.ts";
import { computerName } from "../lib/environment.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { CONTROL_OPTIONS, describeProgram, openController } from "./control.ts";

/** The command that attaches to a program on a computer. `here`: the name of this one. */
function attachCommand(
  session: string,
  computer: string | undefined,
  here: string | undefined,
): readonly string[] {
  const attach = ["screen", "-r", session];
  return computer === undefined || computer === here ? attach : ["ssh", "-t", computer, ...attach];
}

/** `abcd attach`. */
export default defineCommand({
  name: "attach",
  summary: "attach the terminal to a program that runs in GNU screen",
  usage: "PROGRAM",
  arity: [1, 1],
  description:
    'Shows the program\'s own terminal, and gives it what you type; Ctrl-A D leaves it again, and it goes on. The program must have "screen": true in the experiment file. One on another computer is reached by ssh, which asks for what it needs.',
  options: {
    print: { type: "flag", help: "only show the command that attaches" },
    ssh: {
      type: "text",
      value: "HOST",
      help: "the program's computer as ssh calls it, if that is not its own name",
    },
    ...CONTROL_OPTIONS,
  },
  examples: [
    ["abcd attach ccd1", "the terminal of ccd1; Ctrl-A D leaves it"],
    ["abcd attach hv --ssh operator@daq2", "one on another computer, as this user"],
  ],
  async run({ options, args, stop }) {
    const [name = ""] = args;
    let program: ProgramStatus | undefined;
    let computer: string | undefined;
    const here = computerName();
    {
      await using controller = await openController("attach", options, stop);
      const status = readStatus(await controller.ask("status", { programs: [name] }));
      program = status.programs.find((one) => one.name === name);
      // A screen is where its program is: on the computer of its host agent, or of the controller.
      const client = program?.host ?? controller.name;
      const all = await controller.client.clients({ timeoutSec: options.timeout, signal: stop });
      computer = options.ssh ?? all.find((one) => one.name === client)?.info?.host ?? program?.host;
    }
    if (program === undefined) throw new CommandError(`Cannot attach: no program ${name}`);
    const { screen } = program;
    if (screen === undefined) {
      const words = describeProgram(program);
      throw new CommandError(
        program.pid === undefined
          ? `Cannot attach to ${name}: it does not run (${words})`
          : `Cannot attach to ${name}: it has no terminal; give it "screen": true in the experiment file and "abcd reload", or follow it with "abcd logs -f ${name}"`,
      );
    }
    const command = attachCommand(screen, computer, here);
    if (options.print) {
      console.log(command.join(" "));
      return EXIT.done;
    }
    if (!Deno.stdin.isTerminal()) {
      throw new UsageError(
        `Cannot attach: standard input is no terminal; the command is: ${command.join(" ")}`,
      );
    }
    const [file = "", ...rest] = command;
    try {
      const { code } = await new Deno.Command(file, { args: rest }).spawn().status;
      return code === 0 ? EXIT.done : EXIT.failed;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new CommandError(`Cannot attach to ${name}: ${file} is not installed here`);
    }
  },
});
