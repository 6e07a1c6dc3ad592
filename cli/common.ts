// What several subcommands make of the options that they share, and of the terminal.

import type { ConnectOptions } from "../lib/client/contract.ts";
import type { JournalOptions } from "../lib/journal/journal.ts";
import { journalFolder } from "../lib/journal/page.ts";
import { MAIN_KEY_ID } from "../lib/keys/key.ts";
import { findKey } from "../lib/keys/key_file.ts";
import { createLog, dateAndTime, isLogLevel, type Log, LOG_LEVELS, NO_LOG } from "../lib/log.ts";
import { hasProcFs } from "../lib/process/proc_fs.ts";
import { showsUnicode } from "../lib/terminal/ascii.ts";
import { CommandError, UsageError } from "./command.ts";
import { openLogLines } from "./log_lines.ts";
import { openStandardError } from "./standard_error.ts";

/** Values of {@linkcode CLIENT_OPTIONS}. */
export interface ClientValues {
  readonly server: string | undefined;
  readonly hub: string | undefined;
  readonly "key-file": string | undefined;
  readonly ca: string | undefined;
  readonly open: boolean;
  readonly "beacon-port": number;
}

/** How to find the hub and to show a key, as the options say. */
export function hubFrom(
  options: ClientValues,
): Pick<ConnectOptions, "server" | "hub" | "keyFile" | "ca" | "open" | "beaconPort" | "log"> {
  return {
    // What is to be said a subcommand says in its own words.
    log: NO_LOG,
    server: options.server,
    hub: options.hub,
    keyFile: options["key-file"],
    ca: options.ca,
    ...(options.open ? { open: true } : {}),
    beaconPort: options["beacon-port"],
  };
}

/**
 * The name of a subcommand that joins for a moment: with a key of fewer rights one that such a key may
 * have, `shift-spy`.
 */
export function toolName(options: Pick<ClientValues, "key-file">, name: string): string {
  let id: string | undefined;
  try {
    id = findKey({ keyFile: options["key-file"] })?.key.id;
  } catch {
    // joining has the words for it
  }
  return id === undefined || id === MAIN_KEY_ID ? name : `${id}-${name}`;
}

function passFileOn(path: string, variable: string, what: string): void {
  try {
    Deno.env.set(variable, Deno.realPathSync(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot read the ${what} ${path}: ${why}`);
  }
}

/**
 * The programs that this one starts find the key, and the authorities that vouch for hubs, where it does.
 *
 * @throws {CommandError} If a file that the options name is not there.
 */
export function passKeyOn(options: Pick<ClientValues, "key-file" | "ca">): void {
  const { "key-file": keyFile, ca } = options;
  if (ca !== undefined) passFileOn(ca, "ABCD_CA", "certificates of authorities");
  if (keyFile === undefined) return;
  passFileOn(keyFile, "ABCD_KEY_FILE", "key file");
  // It stands before the file, and was not meant.
  Deno.env.delete("ABCD_KEY");
}

/** Values of {@linkcode JOURNAL_OPTIONS}. */
export interface JournalValues {
  readonly "journal": string | undefined;
  readonly "no-journal": boolean;
  readonly "journal-age": number;
  readonly "journal-size": number;
  readonly "journal-buffer": number;
}

/** With less, what one read brings is more than may wait. */
const LEAST_BUFFER_BYTES = 4 * 1024 ** 2;

/**
 * The journal that the options say, for the hub of this name; `undefined`: none.
 *
 * @throws {UsageError} If too little may wait for the disk.
 */
export function journalFrom(
  options: JournalValues,
  hub: string,
): Pick<JournalOptions, "folder" | "retentionSec" | "retentionBytes" | "bufferBytes"> | undefined {
  const bufferBytes = options["journal-buffer"];
  if (bufferBytes < LEAST_BUFFER_BYTES) {
    throw new UsageError(`Cannot read --journal-buffer: the least is ${LEAST_BUFFER_BYTES} bytes`);
  }
  if (options["no-journal"]) return undefined;
  return {
    folder: options.journal ?? journalFolder(hub),
    retentionSec: options["journal-age"],
    retentionBytes: options["journal-size"],
    bufferBytes,
  };
}

/** Values of {@linkcode LOG_OPTIONS}. */
export interface LogValues {
  readonly "log-level": string;
  readonly "log-file": string | undefined;
}

/**
 * The log of a subcommand: lines on standard error (for people on a terminal, else JSON only if
 * `json`), and in the log file if there is one.
 *
 * @throws {UsageError} If the level is none.
 */
export function logFrom(name: string, options: LogValues, json = false): Log {
  const level = options["log-level"];
  if (!isLogLevel(level)) {
    throw new UsageError(
      `Cannot read --log-level: "${level}" is not one of ${LOG_LEVELS.join(", ")}`,
    );
  }
  const path = options["log-file"];
  const output = openStandardError((count, since) =>
    log.error(`nobody read what is written here: ${count} lines are missing`, {
      since: dateAndTime(new Date(since)),
    })
  );
  const inFile = path === undefined ? undefined : openLogLines(path, (text) => output.write(text));
  const log = createLog({
    name,
    level,
    json,
    color: !json && useColor(Deno.stderr),
    write: (line) => {
      output.write(line);
      // deno-lint-ignore no-control-regex -- the colours are what is taken out
      inFile?.(line.replaceAll(/\x1b\[[0-9;]*m/g, ""));
    },
  });
  return log;
}

/**
 * What keeps programs running finds them again under /proc.
 *
 * @throws {CommandError} If this system has none.
 */
export function needProcFs(what: string): void {
  if (hasProcFs()) return;
  throw new CommandError(
    `Cannot ${what} on this computer: it has no /proc, where processes are found again. That takes ` +
      "Linux; the hub and its clients run here all the same",
  );
}

/** The error for `--as` with what cannot be a client's name. */
export function nameError(name: string): UsageError {
  return new UsageError(
    `Cannot join as "${name}": a name is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with _`,
  );
}

/** Says on standard error that several hubs are heard, and how to choose. */
export function saySeveral(heard: readonly string[], advice: string): void {
  console.error(`Several hubs are heard: ${heard.join(", ")}; takes the first; ${advice}`);
}

/** Whether to colour what goes to this stream: a terminal, and nobody said `NO_COLOR`. */
export function useColor(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "" &&
    Deno.env.get("TERM") !== "dumb";
}

/** Whether to write other characters than ASCII to the terminal. */
export function useUnicode(): boolean {
  return showsUnicode((name) => Deno.env.get(name));
}
