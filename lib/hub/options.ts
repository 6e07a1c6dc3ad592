// What a hub can be told when it is made.

import {
  HEARTBEAT_SEC,
  JOIN_SEC,
  MAX_MESSAGE_BYTES,
  QUEUE_BYTES,
  TAKEOVER_SEC,
  TIMEOUT_SEC,
} from "../defaults.ts";
import type { HubJournal } from "../journal/page.ts";
import { type Log, NO_LOG } from "../log.ts";

/** Options of a hub; those in seconds and bytes default to defaults.ts. */
export interface HubOptions {
  /** The hub's name, as `_welcome` gives it. */
  name: string;
  /** The time now, in milliseconds since 1970. */
  clock: () => number;
  log?: Log;
  heartbeatSec?: number;
  timeoutSec?: number;
  joinSec?: number;
  takeoverSec?: number;
  maxBytes?: number;
  queueBytes?: number;
  /** Where all that is routed is kept. Default: nowhere. */
  journal?: HubJournal;
}

/** The options of one hub, complete. */
export type Settings =
  & Readonly<Required<Omit<HubOptions, "journal">>>
  & { readonly journal: HubJournal | undefined };

/** Fills in the defaults. */
export function settingsFrom(options: HubOptions): Settings {
  return {
    log: NO_LOG,
    heartbeatSec: HEARTBEAT_SEC,
    timeoutSec: TIMEOUT_SEC,
    joinSec: JOIN_SEC,
    takeoverSec: TAKEOVER_SEC,
    maxBytes: MAX_MESSAGE_BYTES,
    queueBytes: QUEUE_BYTES,
    journal: undefined,
    ...options,
  };
}
