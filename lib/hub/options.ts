// What a hub can be told when it is made.

import {
  HEARTBEAT_SEC,
  JOIN_SEC,
  MAILBOX_AGE_SEC,
  MAILBOX_BYTES,
  MAILBOX_MESSAGES,
  MAX_MESSAGE_BYTES,
  QUEUE_BYTES,
  RETAINED_BYTES,
  RETAINED_TOPICS,
  TAKEOVER_SEC,
  TIMEOUT_SEC,
} from "../defaults.ts";
import type { HubLedger } from "../journal/ledger.ts";
import type { HubJournal } from "../journal/page.ts";
import type { Door } from "../keys/door.ts";
import { type Log, NO_LOG } from "../log.ts";

/** Options of a hub; those in seconds and bytes default to defaults.ts. */
export interface HubOptions {
  /** The hub's name, as `_welcome` gives it. */
  name: string;
  /** The time now, in milliseconds since 1970. */
  clock: () => number;
  /** A clock that nobody sets, in milliseconds. Default: `clock`, as if nobody set that either. */
  steady?: () => number;
  log?: Log;
  heartbeatSec?: number;
  timeoutSec?: number;
  joinSec?: number;
  takeoverSec?: number;
  maxBytes?: number;
  queueBytes?: number;
  /** What may wait for one durable client: messages, bytes, and for how long, in seconds. */
  mailboxMessages?: number;
  mailboxBytes?: number;
  mailboxAgeSec?: number;
  /** Last values that are kept: of how many topics, and bytes in all. */
  retainedTopics?: number;
  retainedBytes?: number;
  /** Where all that is routed is kept. Default: nowhere. */
  journal?: HubJournal;
  /** Where mail and last values are kept through a restart. Default: nowhere, they end with the hub. */
  ledger?: HubLedger;
  /** How often the watchdog has started the hub again. Default: 0. */
  restarts?: number;
  /** A name for something that nobody else has. Default: a random UUID. */
  newId?: () => string;
  /** Who may come in, and with which rights. Default: everybody, with all of them. */
  door?: Door;
}

/** The options of one hub, complete. */
export type Settings =
  & Readonly<Required<Omit<HubOptions, "journal" | "ledger" | "door">>>
  & {
    readonly journal: HubJournal | undefined;
    readonly ledger: HubLedger | undefined;
    readonly door: Door | undefined;
  };

/** Fills in the defaults. */
export function settingsFrom(options: HubOptions): Settings {
  return {
    log: NO_LOG,
    steady: options.clock,
    heartbeatSec: HEARTBEAT_SEC,
    timeoutSec: TIMEOUT_SEC,
    joinSec: JOIN_SEC,
    takeoverSec: TAKEOVER_SEC,
    maxBytes: MAX_MESSAGE_BYTES,
    queueBytes: QUEUE_BYTES,
    mailboxMessages: MAILBOX_MESSAGES,
    mailboxBytes: MAILBOX_BYTES,
    mailboxAgeSec: MAILBOX_AGE_SEC,
    retainedTopics: RETAINED_TOPICS,
    retainedBytes: RETAINED_BYTES,
    journal: undefined,
    ledger: undefined,
    restarts: 0,
    newId: () => crypto.randomUUID(),
    door: undefined,
    ...options,
  };
}
