// abcd server: the hub, under a watchdog that is another process.

import { BEACON_PORT, TOUCH_SEC } from "../lib/defaults.ts";
import { isClientName } from "../lib/message.ts";
import { selfCommand } from "../lib/process/self.ts";
import { superviseHub, touchPidFile } from "../lib/watchdog.ts";
import { startServer } from "../server.ts";
import {
  CommandError,
  type Context,
  defineCommand,
  EXIT,
  type OptionSpecs,
  UsageError,
} from "./command.ts";
import { HUB_OPTIONS, LOG_OPTIONS, logFrom } from "./common.ts";

const OPTIONS = {
  "name": { type: "text", value: "NAME", help: "the hub's name; without it the computer's" },
  ...HUB_OPTIONS,
  "beacon-port": {
    type: "number",
    value: "PORT",
    default: BEACON_PORT,
    help: "UDP port on which the hub announces itself",
  },
  "no-watchdog": {
    type: "flag",
    help: "as --watchdog 0: one process, nobody restarts a stuck hub",
  },
  "pid-file": {
    type: "text",
    value: "FILE",
    help: "touched by the hub while it works, holds its process number",
  },
  ...LOG_OPTIONS,
} as const satisfies OptionSpecs;

type ServerContext = Context<typeof OPTIONS>;

/** The options again, for the child. */
function lineOf(options: ServerContext["options"]): string[] {
  const own = ["watchdog", "no-watchdog", "pid-file"];
  return Object.entries(options).flatMap(([name, value]) => {
    if (own.includes(name) || value === undefined || value === false) return [];
    return [value === true ? `--${name}` : `--${name}=${value}`];
  });
}

async function supervise({ options, stop, kill }: ServerContext): Promise<number> {
  const { "log-level": level, "pid-file": given } = options;
  // The log file is the child's: two processes must not rotate one file.
  const log = logFrom("watchdog", { "log-level": level, "log-file": undefined });
  const folder = given === undefined ? await Deno.makeTempDir({ prefix: "abcd-hub-" }) : undefined;
  const pidFile = given ?? `${folder}/pid`;
  try {
    return await superviseHub({
      childCommand: [
        ...selfCommand(),
        "server",
        "--watchdog=0",
        `--pid-file=${pidFile}`,
        ...lineOf(options),
      ],
      pidFile,
      timeoutSec: options.watchdog,
      stop,
      kill,
      log,
    });
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

async function serve({ options, stop, kill }: ServerContext): Promise<number> {
  const log = logFrom("hub", options);
  const pidFile = options["pid-file"];
  const parent = Deno.ppid;
  let ticks = 0;
  let orphaned: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    orphaned = resolve;
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve());
  });

  function onTick(): void {
    if (pidFile === undefined) return;
    if (Deno.ppid !== parent) {
      log.warn("The watchdog is gone; the hub ends with it");
      orphaned();
    }
    if (++ticks % TOUCH_SEC === 0) touch(pidFile);
  }
  function touch(path: string): void {
    try {
      touchPidFile(path);
    } catch (error) {
      log.error(`Cannot write ${path}: ${error instanceof Error ? error.message : error}`);
    }
  }

  let server;
  try {
    server = await startServer({
      name: options.name,
      httpPort: options["http-port"],
      tcpPort: options["tcp-port"],
      bind: options.bind,
      beaconPort: options["beacon-port"],
      beaconSec: options["beacon-interval"],
      heartbeatSec: options.heartbeat,
      timeoutSec: options.timeout,
      joinSec: options["join-timeout"],
      maxBytes: options["max-message"],
      queueBytes: options.queue,
      log,
      onTick,
    });
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
  if (pidFile !== undefined) touch(pidFile);
  const killed = new Promise<void>((resolve) => kill.addEventListener("abort", () => resolve()));
  await Promise.race([over, killed]);
  if (!kill.aborted) await Promise.race([server[Symbol.asyncDispose](), killed]);
  log.info("ended");
  return EXIT.done;
}

/** The subcommand. */
export default defineCommand({
  name: "server",
  summary: "run the hub that passes messages between clients",
  options: OPTIONS,
  examples: [
    ["abcd server", "a hub on the usual ports, announced by UDP"],
    ["abcd server --bind 127.0.0.1", "for programs on this computer alone"],
  ],
  run(context) {
    const { name } = context.options;
    if (name !== undefined && !isClientName(name)) {
      throw new UsageError("Cannot read --name: a name is 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    const alone = context.options["no-watchdog"] || context.options.watchdog === 0;
    return alone ? serve(context) : supervise(context);
  },
});
