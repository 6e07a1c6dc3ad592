// From the arguments to a subcommand and its exit code; the only place with Deno.args, Deno.exit and the operating system's signals.

import { inOwnWords, keepOnly } from "../lib/permissions.ts";
import { terminalSize } from "../lib/terminal/size.ts";
import { VERSION } from "../lib/version.ts";
import { CommandError, type Context, EXIT, UsageError } from "./command.ts";
import { COMMAND_NAMES, loadCommand } from "./commands.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { parseLine } from "./parse.ts";
import { openStandardError, standardErrorWritten } from "./standard_error.ts";

/** Columns of a help text. */
function width(): number {
  return Math.min(100, Math.max(60, terminalSize()?.columns ?? 80));
}

async function help(name: string | undefined): Promise<string> {
  if (name !== undefined) return commandHelp(await loadCommand(name), width());
  const all = await Promise.all(COMMAND_NAMES.map(loadCommand));
  return generalHelp(all, VERSION, width());
}

/**
 * Two signals within this time are one, in milliseconds: `timeout`, `deno task` and others pass on a
 * signal that comes by the process group too. No hand is that quick, and a second one kills.
 */
const SAME_SIGNAL_MS = 50;

function context(): Pick<Context, "stop" | "kill" | "onHangup"> {
  const stop = new AbortController();
  const kill = new AbortController();
  let isSame = false;
  const asked = (signal: string) => {
    if (isSame) return;
    isSame = true;
    // In two steps: what came while this process had no time for it is told between them.
    setTimeout(() => setTimeout(() => isSame = false, SAME_SIGNAL_MS / 2), SAME_SIGNAL_MS / 2);
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

/** What is said of an error that ended the subcommand, and the exit code. */
function report(name: string, error: unknown): { text: string; code: number } {
  const text = inOwnWords(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) {
    // A place in a file says where to look; it is no matter of options.
    const isPlaced = /^[^\n]+:\d+:\d+: /.test(text);
    const hint = isPlaced || text.includes("\n")
      ? ""
      : `\nRun "abcd ${name} --help" for its options`;
    return { text: `abcd: ${text}${hint}`, code: EXIT.usage };
  }
  const isExpected = error instanceof CommandError || Deno.env.get("ABCD_DEBUG") === undefined;
  const stack = isExpected || !(error instanceof Error) ? "" : `\n${error.stack}`;
  return { text: `abcd ${name}: ${text}${stack}`, code: EXIT.failed };
}

/** Ends the program; the last lines of its log are written before, and nobody is waited for who does not read. */
async function end(code: number, lastWords?: string): Promise<never> {
  await standardErrorWritten();
  if (lastWords !== undefined) {
    openStandardError(() => {}).write(lastWords);
    await standardErrorWritten();
  }
  Deno.exit(code);
}

/** A mistake in abcd itself. What the log says of how it came to it must not be lost with it. */
function onFault(event: Event, error: unknown): void {
  event.preventDefault();
  end(EXIT.failed, `error: Uncaught ${error instanceof Error ? error.stack : String(error)}`);
}

if (import.meta.main) {
  addEventListener("error", (event) => onFault(event, event.error));
  addEventListener("unhandledrejection", (event) => onFault(event, event.reason));
  try {
    await end(await main(Deno.args));
  } catch (error) {
    // A reader that went away (`abcd spy | head`) ends the program in silence, as other tools do.
    if (error instanceof Deno.errors.BrokenPipe) await end(EXIT.done);
    const { text, code } = report(Deno.args[0] ?? "", error);
    await end(code, text);
  }
}
