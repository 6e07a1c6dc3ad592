// Which files of a journal go: the oldest, while there are too many bytes, and those that are too old.

import { createProvenClock } from "./proven_clock.ts";
import type { Segment } from "./segment.ts";

/** Options of {@linkcode createRetention}. */
export interface RetentionOptions {
  /** The time now, in milliseconds since 1970. */
  readonly clock: () => number;
  /** A clock that nobody sets, in milliseconds. */
  readonly steady: () => number;
  readonly retentionSec: number;
  readonly retentionBytes: number;
  /** How large the one that is written may become. */
  readonly segmentBytes: number;
}

/** Which files go, and when it is time to look. */
export interface Retention {
  readonly isDue: boolean;
  /** Those that go, of all, oldest first; never the last. */
  outdated(segments: readonly Segment[]): readonly Segment[];
}

const CHECK_MS = 60_000;
/** What was set ahead for a night is noticed in the morning: so long no file is too old by it. */
const PROOF_MS = 12 * 3_600_000;

/** Makes it; the clock is not proven yet. */
export function createRetention(options: RetentionOptions): Retention {
  const { clock, steady, retentionSec, retentionBytes, segmentBytes } = options;
  const provenTime = createProvenClock(clock, steady, Math.min(PROOF_MS, retentionSec * 1000));
  let checked = steady();
  return {
    get isDue() {
      return steady() - checked > CHECK_MS;
    },
    outdated(segments) {
      checked = steady();
      const now = provenTime();
      const isOld = ({ modified, written }: Segment) =>
        (written === undefined ? now - modified : checked - written) > retentionSec * 1000;
      // The one that is written now is to have room, too.
      let bytes = segmentBytes + segments.reduce((sum, { size }) => sum + size, 0);
      const kept = segments.slice(0, -1).findIndex((one) => {
        const stays = !isOld(one) && bytes <= retentionBytes;
        bytes -= one.size;
        return stays;
      });
      return segments.slice(0, kept < 0 ? -1 : kept);
    },
  };
}
