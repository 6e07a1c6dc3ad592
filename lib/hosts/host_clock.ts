// The clock of another computer, which may be wrong, or ours is, or either is set: its times are told in
// ours.

import type { Log } from "../log.ts";
import { createClockSum } from "../set_clock.ts";
import type { HostReport } from "./host_report.ts";

/** The clock of a host, as far as it is known. */
export interface HostClock {
  /** It showed a time. */
  shows(shown: ShownTime): void;
  /** It was set by so many seconds in all since its agent began. */
  wasSet(setSec: number): void;
  /** A report of it, with its times as this computer's clock shows them. */
  ours(report: HostReport): HostReport;
}

/** A time that a clock showed. */
export interface ShownTime {
  /** Unix time in seconds. */
  readonly time: number;
  /** That was so many seconds ago at the most, as the line may be slow. */
  readonly lateSec: number;
  /** By how much it was set since its agent began, in seconds. */
  readonly setSec: number;
}

/** Options of {@linkcode createHostClock}. */
export interface HostClockOptions {
  readonly host: string;
  readonly log: Log;
  /** A clock that nobody sets, in milliseconds. Default: `performance.now`. */
  readonly steady?: () => number;
  /** The time now, in milliseconds since 1970. Default: the computer's clock. */
  readonly clock?: () => number;
}

/** A clock that is wrong by less than this is right, in seconds. */
const SKEW_SEC = 5;

/** Nothing is known of it yet: it is right. */
export function createHostClock(options: HostClockOptions): HostClock {
  const { host, log, steady, clock = () => Date.now() } = options;
  const ourSetSec = createClockSum(steady, clock);
  /** How far it is behind ours, but for what each was set since. */
  let skewSec = 0;
  let theirSetSec = 0;
  const behind = () => skewSec + ourSetSec() - theirSetSec;

  function tell(sec: number): void {
    if (Math.abs(sec) <= SKEW_SEC) return;
    const by = `${Math.round(Math.abs(sec))} s ${sec > 0 ? "behind" : "ahead of"}`;
    log.warn(`the clock of ${host} is ${by} this computer's`);
  }

  return {
    shows({ time, lateSec, setSec }) {
      const most = clock() / 1000 - time;
      const isOff = (sec: number) => sec > most + SKEW_SEC || sec < most - lateSec - SKEW_SEC;
      const known = behind();
      theirSetSec = setSec;
      // Not each time anew: a time that moves would be news. And no more than is known.
      const isNews = isOff(known);
      const sec = !isNews ? known : isOff(0) ? most - lateSec / 2 : 0;
      skewSec += sec - behind();
      if (isNews) tell(sec);
    },
    wasSet(setSec) {
      if (setSec === theirSetSec) return;
      theirSetSec = setSec;
      tell(behind());
    },
    ours(report) {
      const sec = behind();
      const { since, retryAt } = report;
      return { ...report, since: since + sec, retryAt: retryAt && retryAt + sec };
    },
  };
}
