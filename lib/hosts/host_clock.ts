// The clock of another computer, which may be wrong, or ours is: its times are told in ours.

import type { Log } from "../log.ts";
import type { HostReport } from "./host_report.ts";

/** The clock of a host, as far as it is known. */
export interface HostClock {
  /** It showed this time just now; Unix time in seconds. */
  shows(time: number): void;
  /** A report of it, with its times as this computer's clock shows them. */
  ours(report: HostReport): HostReport;
}

/** A clock that is wrong by less than this is right, in seconds. */
const SKEW_SEC = 5;

/** Nothing is known of it yet: it is right. */
export function createHostClock(host: string, log: Log): HostClock {
  let skewSec = 0;
  const shift = (time: number | undefined) => time === undefined ? undefined : time + skewSec;
  return {
    shows(time) {
      // Not each time anew: a time that moves would be news.
      const ahead = Date.now() / 1000 - time;
      if (Math.abs(ahead - skewSec) <= SKEW_SEC) return;
      skewSec = Math.abs(ahead) > SKEW_SEC ? ahead : 0;
      if (skewSec === 0) return;
      const by = `${Math.round(Math.abs(skewSec))} s ${skewSec > 0 ? "behind" : "ahead of"}`;
      log.warn(`the clock of ${host} is ${by} this computer's`);
    },
    ours: (report) => ({
      ...report,
      since: report.since + skewSec,
      retryAt: shift(report.retryAt),
    }),
  };
}
