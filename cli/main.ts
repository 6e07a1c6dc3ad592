// From the arguments to a subcommand and its exit code; the only place with Deno.args, Deno.exit and the operating system's signals.

import { keepOnly } from "../lib/permissions.ts";
import { terminalSize } from "../lib/terminal/size.ts";
import { VERSION } from "../lib/version.ts";
import { CommandError, type Context, EXIT, UsageError } from "./command.ts";
import { COMMAND_NAMES, loadCommand } from "./commands.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { parseLine } from "./parse.ts";

/** Columns of a help text. */
function width(): number {
  return Math.min(100, Math.max(60, terminalSize()?.columns ?? 80));
}

async function help(name: string | undefined): Promise<string> {
  if (name !== undefined) return commandHelp(await loadCommand(name), width());
  const all = await Promise.all(COMMAND_NAMES.map(loadCommand));
  return generalHelp(all, VERSION, width());
}

function context(): Pick<Context, "stop" | "kill" | "onHangup"> {
  const stop = new AbortController();
  const kill = new AbortController();
  const asked = (signal: string) => {
    if (stop.signal.aborted) kill.abort(new Error(`a second ${signal}`));
    else stop.abort(new Error(signal));
  };
  let hangup = () => asked("SIGHUP");
  Deno.addSignalListener("SIGINT", () => asked("SIGINT"));
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => asked("SIGTERM"));
    Deno.addSignalListener("SIGHUP", () => hangup());
  }
  return { stop: stop.signal, kill: kill.signal, onHangup: (handler) => hangup = handler };
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--version" || name === "-V" || name === "version") {
    console.log(`abcd ${VERSION}`);
    return EXIT.done;
  }
  if (name === undefined) {
    console.error(await help(undefined));
    return EXIT.usage;
  }
  if (name === "help" || name === "--help" || name === "-h") {
    console.log(await help(rest[0]));
    return EXIT.done;
  }
  const command = await loadCommand(name);
  const { help: wanted, ...line } = parseLine(command, rest, (key) => Deno.env.get(key));
  if (wanted) {
    console.log(commandHelp(command, width()));
    return EXIT.done;
  }
  if (command.needs !== undefined) await keepOnly(command.needs);
  return await command.run({ ...line, ...context() });
}

function report(name: string, error: unknown): number {
  if (error instanceof UsageError) {
    // A place in a file says where to look; it is no matter of options.
    const isPlaced = /^[^\n]+:\d+:\d+: /.test(error.message);
    const hint = isPlaced || error.message.includes("\n")
      ? ""
      : `\nRun "abcd ${name} --help" for its options`;
    console.error(`abcd: ${error.message}${hint}`);
    return EXIT.usage;
  }
  if (error instanceof CommandError) {
    console.error(`abcd ${name}: ${error.message}`);
    return EXIT.failed;
  }
  console.error(`abcd ${name}: ${error instanceof Error ? error.message : String(error)}`);
  if (Deno.env.get("ABCD_DEBUG") !== undefined && error instanceof Error) {
    console.error(error.stack);
  }
  return EXIT.failed;
}

if (import.meta.main) {
  // A reader that went away (`abcd spy | head`) ends the program in silence, as other tools do.
  let code: number;
  try {
    code = await main(Deno.args);
  } catch (error) {
    code = error instanceof Deno.errors.BrokenPipe ? EXIT.done : report(Deno.args[0] ?? "", error);
  }
  Deno.exit(code);
}
