// What the link to a host agent is to those who use it, and what it is given.

import type { Client } from "../client.ts";
import type { Log } from "../log.ts";
import type { RemoteLine } from "../run/elsewhere.ts";
import type { Presence } from "../run/presence.ts";
import type { Verdict } from "../run/verdict.ts";
import type { Alarm } from "../status/alarms.ts";
import type { HostLimits, HostReport, Order } from "./host_report.ts";

/** A program on the host, as the link sees it. */
export interface RemoteEnd {
  readonly name: string;
  /** What it is told, until the agent has carried it out. */
  readonly order: Order | undefined;
  /** What the agent knows of it; `undefined`: nothing. */
  reported(report: HostReport | undefined): void;
  /** The host is there, or is not any more. */
  linkChanged(): void;
  /** The agent does not carry its order out. */
  refused(text: string): void;
  /** Unexpected ends that may be known already. */
  ended(verdicts: readonly Verdict[]): void;
  /** Unix time in seconds of the last unexpected end that is known; 0: none. */
  readonly lastEnd: number;
}

/** Options of {@linkcode createHostLink}. */
export interface HostLinkOptions {
  readonly host: string;
  readonly experiment: string;
  /** This controller's mark, which the next one in its place has too. */
  readonly claim: string;
  readonly client: Client | undefined;
  readonly presence: Presence;
  readonly log: Log;
  /** When its disks are an alarm. */
  readonly disk: () => HostLimits;
  /** Told of alarms of the host itself. */
  readonly alarm: (alarm: Alarm) => void;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** A host agent. */
export interface HostLink extends Disposable {
  readonly host: string;
  /** Why nothing is known of its programs now; `undefined`: it is there. */
  readonly trouble: string | undefined;
  /** It may just not have answered yet: its trouble is no news. */
  readonly isFresh: boolean;
  /** Why it will do nothing for this experiment, as long as it is not started otherwise. */
  readonly refusal: string | undefined;
  add(end: RemoteEnd): void;
  /** This controller has no more to do with it. */
  remove(name: string): void;
  /** It is stopped and not in the file any more: the agent drops it too. */
  forget(name: string): void;
  /** Sends what is not carried out yet. */
  send(): void;
  tick(): void;
  /** Tells it the limits of its disks again, if they are others than before. */
  renew(): void;
  /**
   * The last lines of programs, and when they were read, by the host's clock (Unix time in seconds);
   * from then on the agent sends new ones to who follows, also after it was away.
   *
   * @throws {Error} If it is not there.
   */
  lines(
    names: readonly string[],
    count: number,
    follow?: string,
  ): Promise<{ readonly lines: readonly RemoteLine[]; readonly at: number }>;
  /** All is stopped: whoever comes may have the experiment. */
  release(): Promise<void>;
}
