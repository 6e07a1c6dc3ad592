// Options that several subcommands share, each defined once.

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
import { LOG_LEVELS } from "../lib/log.ts";
import type { OptionSpecs } from "./command.ts";

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
