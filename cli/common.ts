// Options that several subcommands share, each defined once, and what is made from them.

import {
  BEACON_PORT,
  BEACON_SEC,
  HEARTBEAT_SEC,
  HTTP_PORT,
  JOIN_SEC,
  JOURNAL_BUFFER_BYTES,
  MAILBOX_AGE_SEC,
  MAILBOX_BYTES,
  MAILBOX_MESSAGES,
  MAX_MESSAGE_BYTES,
  QUEUE_BYTES,
  TCP_PORT,
  TIMEOUT_SEC,
  WATCHDOG_SEC,
} from "../lib/defaults.ts";
import type { ConnectOptions } from "../lib/client/contract.ts";
import type { JournalOptions } from "../lib/journal/journal.ts";
import { journalFolder } from "../lib/journal/page.ts";
import { MAIN_KEY_ID } from "../lib/keys/key.ts";
import { findKey } from "../lib/keys/key_file.ts";
import { createLog, isLogLevel, type Log, LOG_LEVELS } from "../lib/log.ts";
import { createRotatingFile } from "../lib/process/log_file.ts";
import { hasProcFs } from "../lib/process/proc_fs.ts";
import { showsUnicode } from "../lib/terminal/ascii.ts";
import { CommandError, type OptionSpecs, UsageError } from "./command.ts";

/** Of every subcommand that writes a log. */
export const LOG_OPTIONS = {
  "log-level": {
    type: "text",
    value: "LEVEL",
    default: "info",
    help: `least severe lines that are written: ${
      LOG_LEVELS.join(", ")
    }; the message _log sets it, too`,
  },
  "log-file": { type: "text", value: "FILE", help: "write the log here too, with rotation" },
} as const satisfies OptionSpecs;

/** Of every subcommand that is a client of the hub. */
export const CLIENT_OPTIONS = {
  server: {
    type: "text",
    value: "HOST[:PORT]",
    env: "ABCD_SERVER",
    help: "the hub's address; without it the hub is found by UDP",
  },
  hub: { type: "text", value: "NAME", help: "which hub to join, if several are heard" },
  "key-file": {
    type: "text",
    value: "FILE",
    help: "file with the key to show; without it ABCD_KEY, else ~/.config/abcd/key",
  },
  ca: {
    type: "text",
    value: "FILE",
    env: "ABCD_CA",
    help: "certificates of authorities that may vouch for a hub with TLS, a PEM file",
  },
  open: { type: "flag", help: "join a hub that cannot show that it has the key, too" },
  "beacon-port": {
    type: "number",
    value: "PORT",
    default: BEACON_PORT,
    env: "ABCD_BEACON_PORT",
    help: "UDP port on which hubs announce themselves",
  },
} as const satisfies OptionSpecs;

/** Of every subcommand that starts a hub. */
export const HUB_OPTIONS = {
  "http-port": {
    type: "number",
    value: "PORT",
    default: HTTP_PORT,
    help: "TCP port of HTTP and WebSocket; 0: any free one",
  },
  "tcp-port": {
    type: "number",
    value: "PORT",
    default: TCP_PORT,
    help: "TCP port of plain JSON objects; 0: any free one",
  },
  "bind": {
    type: "text",
    value: "ADDRESS",
    default: "0.0.0.0",
    help: "address to listen on; 127.0.0.1: this computer alone",
  },
  "tcp-bind": {
    type: "text",
    value: "ADDRESS",
    help: "address on which plain TCP listens, if not that of --bind",
  },
  "key-file": {
    type: "text",
    value: "FILE",
    help: "file with the hub's key, made if it is not there; without it ~/.config/abcd/key",
  },
  "rights": {
    type: "text",
    value: "FILE",
    help: "what other keys may do; without it ~/.config/abcd/rights.jsonc",
  },
  "open": {
    type: "flag",
    help: "anybody on the network may join without a key, and do everything",
  },
  "open-tcp": {
    type: "flag",
    help: "anybody may join by plain TCP without a key, as libABCD 0.1 does",
  },
  "open-http": {
    type: "flag",
    help: "other computers may read /clients and the like without a key",
  },
  "plain-keys": {
    type: "flag",
    help: "take keys in plain text, from clients that cannot do the challenge",
  },
  "tls-self-signed": {
    type: "flag",
    help: "speak TLS, with a certificate that the hub makes for itself and keeps",
  },
  "cert": { type: "text", value: "FILE", help: "speak TLS with this certificate, a PEM file" },
  "key": { type: "text", value: "FILE", help: "the private key of --cert, a PEM file" },
  "address": {
    type: "list",
    value: "IP:PORT",
    help: "an address by which clients reach the hub through others, as a tunnel",
  },
  "origin": {
    type: "list",
    value: "ORIGIN",
    help: "web pages that may join, as http://host:port; again for each",
  },
  "watchdog": {
    type: "seconds",
    value: "SECONDS",
    default: WATCHDOG_SEC,
    help: "kill and restart a hub that is stuck for this long",
  },
  "heartbeat": {
    type: "seconds",
    value: "SECONDS",
    default: HEARTBEAT_SEC,
    help: "ping every client this often",
  },
  "timeout": {
    type: "seconds",
    value: "SECONDS",
    default: TIMEOUT_SEC,
    help: "close a client that says nothing for this long",
  },
  "join-timeout": {
    type: "seconds",
    value: "SECONDS",
    default: JOIN_SEC,
    help: "close a connection that does not introduce itself within this time",
  },
  "beacon-interval": {
    type: "seconds",
    value: "SECONDS",
    default: BEACON_SEC,
    help: "announce the hub by UDP this often; 0: never",
  },
  "max-message": {
    type: "number",
    value: "BYTES",
    default: MAX_MESSAGE_BYTES,
    help: "largest message",
  },
  "queue": {
    type: "number",
    value: "BYTES",
    default: QUEUE_BYTES,
    help: "what may wait for a client that does not read; past it the client is closed",
  },
  "mailbox-messages": {
    type: "number",
    value: "NUMBER",
    default: MAILBOX_MESSAGES,
    help: "messages that may wait for one durable client; past it senders are refused",
  },
  "mailbox-bytes": {
    type: "number",
    value: "BYTES",
    default: MAILBOX_BYTES,
    help: "the same in bytes; all mailboxes together may have 16 times as many",
  },
  "mailbox-age": {
    type: "seconds",
    value: "SECONDS",
    default: MAILBOX_AGE_SEC,
    help: "what waits longer for a durable client is not delivered; its sender is told",
  },
} as const satisfies OptionSpecs;

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
): Pick<ConnectOptions, "server" | "hub" | "keyFile" | "ca" | "open" | "beaconPort"> {
  return {
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

/** Of every subcommand that keeps a journal. */
export const JOURNAL_OPTIONS = {
  "journal": {
    type: "text",
    value: "FOLDER",
    help: "keep all messages here; without it in ~/.local/state/abcd/HUB/journal",
  },
  "no-journal": { type: "flag", help: "keep no messages" },
  "journal-age": {
    type: "seconds",
    value: "SECONDS",
    default: 30 * 86400,
    help: "messages older than this are removed",
  },
  "journal-size": {
    type: "number",
    value: "BYTES",
    default: 2 * 1024 ** 3,
    help: "past it the oldest messages are removed",
  },
  "journal-buffer": {
    type: "number",
    value: "BYTES",
    default: JOURNAL_BUFFER_BYTES,
    help: "what may wait for the disk; from half of it on, who sends most is slowed down",
  },
} as const satisfies OptionSpecs;

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
  const file = path === undefined ? undefined : createRotatingFile({ path });
  const encoder = new TextEncoder();
  return createLog({
    name,
    level,
    json,
    color: !json && useColor(Deno.stderr),
    write: (line) => {
      console.error(line);
      // deno-lint-ignore no-control-regex -- the colours are what is taken out
      file?.write(encoder.encode(line.replaceAll(/\x1b\[[0-9;]*m/g, "") + "\n"));
    },
  });
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
export function saySeveral(heard: readonly string[]): void {
  console.error(
    `Several hubs are heard: ${heard.join(", ")}; takes the first. Name one with --hub`,
  );
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
