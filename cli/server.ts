// abcd server: the hub, under a watchdog that is another process.

import { BEACON_PORT, TOUCH_SEC } from "../lib/defaults.ts";
import { environment } from "../lib/environment.ts";
import { FileError } from "../lib/jsonc_file.ts";
import { isClientName } from "../lib/message.ts";
import { keepOnly } from "../lib/permissions.ts";
import { selfCommand } from "../lib/process/self.ts";
import {
  removePidFile,
  RESTARTS_ENV,
  superviseHub,
  touchPidFile,
  WATCHDOG_ENV,
} from "../lib/watchdog.ts";
import {
  CommandError,
  type Context,
  defineCommand,
  EXIT,
  type OptionSpecs,
  UsageError,
} from "./command.ts";
import { journalFrom, logFrom } from "./common.ts";
import { HUB_OPTIONS, JOURNAL_OPTIONS, LOG_OPTIONS } from "./shared_options.ts";

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
  json: { type: "flag", help: "the log as one JSON object a line" },
  ...JOURNAL_OPTIONS,
  ...LOG_OPTIONS,
} as const satisfies OptionSpecs;

/** A shorter one could not tell a stuck hub from a busy one: the hub's loop is looked at each second. */
const LEAST_WATCHDOG_SEC = 2;
const FOLDER_PREFIX = "abcd-hub-";

type ServerContext = Context<typeof OPTIONS>;

/** The options again, for the child. */
function lineOf(options: ServerContext["options"]): string[] {
  const own = ["no-watchdog", "pid-file"];
  return Object.entries(options).flatMap(([name, value]) => {
    if (own.includes(name) || value === undefined || value === false) return [];
    if (Array.isArray(value)) return value.map((one) => `--${name}=${one}`);
    return [value === true ? `--${name}` : `--${name}=${value}`];
  });
}

async function makePidFolder(): Promise<string> {
  try {
    return await Deno.makeTempDir({ prefix: FOLDER_PREFIX });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `Cannot make a folder for temporary files: ${why}; TMPDIR or --pid-file chooses another place`,
    );
  }
}

/** The certificate that the options name. */
function tlsFrom(options: ServerContext["options"]) {
  const { cert, key, "tls-self-signed": own } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("Cannot speak TLS: --cert and --key, its private key, go together");
  }
  if (own && cert !== undefined) {
    throw new UsageError("Cannot speak TLS: give either --cert and --key, or --tls-self-signed");
  }
  if (cert === undefined || key === undefined) return own ? "self-signed" as const : undefined;
  return { cert, key };
}

/** Tells whether the terminal that the program was started on has been closed since. */
function terminalWatch(): () => boolean {
  if (!Deno.stdin.isTerminal() && !Deno.stderr.isTerminal()) return () => false;
  return () => {
    try {
      Deno.openSync("/dev/tty").close();
      return false;
    } catch {
      return true;
    }
  };
}

/** SIGHUP: read the rights again; or the end, if the terminal was closed. */
function hangupHandler(reload: () => void): () => void {
  const isTerminalGone = terminalWatch();
  return () => isTerminalGone() ? Deno.kill(Deno.pid, "SIGTERM") : reload();
}

async function supervise({ options, stop, kill, onHangup }: ServerContext): Promise<number> {
  const { "log-level": level, "pid-file": given } = options;
  // The log file is the child's: two processes must not rotate one file.
  const log = logFrom("watchdog", { "log-level": level, "log-file": undefined }, options.json);
  const folder = given === undefined ? await makePidFolder() : undefined;
  const pidFile = given ?? `${folder}/pid`;
  try {
    return await superviseHub({
      childCommand: [
        ...selfCommand(),
        "server",
        `--pid-file=${pidFile}`,
        ...lineOf(options),
      ],
      pidFile,
      timeoutSec: options.watchdog,
      stop,
      kill,
      onHangup: (pass) => onHangup(hangupHandler(pass)),
      log,
    });
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

/** Removes what the watchdog would have removed. */
function tidyAfterWatchdog(pidFile: string): void {
  const folder = pidFile.slice(0, pidFile.lastIndexOf("/"));
  if (!folder.slice(folder.lastIndexOf("/") + 1).startsWith(FOLDER_PREFIX)) return;
  try {
    Deno.removeSync(folder);
  } catch {
    // not empty, or gone
  }
}

/** @param watchdogPid The parent's, if this is the child. */
async function serve(context: ServerContext, watchdogPid: number | undefined): Promise<number> {
  const { options, stop, kill, onHangup } = context;
  // Whoever finds a way into the hub from the network shall find no program to start in it.
  await keepOnly(["net", "read", "write", "env", "sys"]);
  const log = logFrom("hub", options, options.json);
  const pidFile = options["pid-file"];
  const touchSec = Math.max(1, Math.min(TOUCH_SEC, Math.floor(options.watchdog / 3)));
  const isOrphan = () => watchdogPid !== undefined && Deno.ppid !== watchdogPid;
  const over = Promise.withResolvers<void>();
  stop.addEventListener("abort", () => over.resolve());
  if (stop.aborted || isOrphan()) over.resolve();

  let ticks = 0;
  function onTick(): void {
    if (isOrphan()) {
      log.warn("The watchdog is gone; the hub ends with it");
      over.resolve();
    }
    if (pidFile === undefined || ++ticks % touchSec !== 0) return;
    try {
      touchPidFile(pidFile, true);
    } catch (error) {
      log.error(`Cannot write ${pidFile}: ${error instanceof Error ? error.message : error}`);
    }
  }

  const tls = tlsFrom(options);
  const journal = journalFrom(options, options.name ?? Deno.hostname());
  let server;
  try {
    const { startServer } = await import("../server.ts");
    server = await startServer({
      name: options.name,
      httpPort: options["http-port"],
      tcpPort: options["tcp-port"],
      bind: options.bind,
      tcpBind: options["tcp-bind"],
      keyFile: options["key-file"],
      rightsFile: options.rights,
      open: options.open,
      openTcp: options["open-tcp"],
      openHttp: options["open-http"],
      plainKeys: options["plain-keys"],
      addresses: options.address,
      tls,
      origins: options.origin,
      beaconPort: options["beacon-port"],
      beaconSec: options["beacon-interval"],
      heartbeatSec: options.heartbeat,
      timeoutSec: options.timeout,
      joinSec: options["join-timeout"],
      maxBytes: options["max-message"],
      queueBytes: options.queue,
      mailboxMessages: options["mailbox-messages"],
      mailboxBytes: options["mailbox-bytes"],
      mailboxAgeSec: options["mailbox-age"],
      journal,
      log,
      restarts: Number(environment(RESTARTS_ENV) ?? 0) || 0,
      onTick,
    });
  } catch (error) {
    if (error instanceof FileError) throw new UsageError(error.problems.join("\n"));
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
  const reload = () => server.reload();
  onHangup(watchdogPid === undefined ? hangupHandler(reload) : reload);
  try {
    if (pidFile !== undefined) touchPidFile(pidFile);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw new CommandError(
      `Cannot write the pid file ${pidFile}: ${error instanceof Error ? error.message : error}`,
    );
  }
  const killed = new Promise<void>((resolve) => kill.addEventListener("abort", () => resolve()));
  await Promise.race([over.promise, killed]);
  if (!kill.aborted) await Promise.race([server[Symbol.asyncDispose](), killed]);
  if (pidFile !== undefined) {
    removePidFile(pidFile);
    if (isOrphan()) tidyAfterWatchdog(pidFile);
  }
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
    const { name, watchdog } = context.options;
    if (name !== undefined && !isClientName(name)) {
      throw new UsageError("Cannot read --name: a name is 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    const parent = Number(environment(WATCHDOG_ENV) ?? NaN);
    if (Number.isInteger(parent)) return serve(context, parent);
    if (context.options["no-watchdog"] || watchdog === 0) return serve(context, undefined);
    if (watchdog < LEAST_WATCHDOG_SEC) {
      throw new UsageError(
        `Cannot read --watchdog: the least is ${LEAST_WATCHDOG_SEC} s, and 0 is none`,
      );
    }
    return supervise(context);
  },
});
