// Back-pressure: "every message is kept" on a disk that is slower than what comes.
//
// When more than half of the journal's buffer waits for the disk, those clients that brought most are
// not read for a while, until a quarter is left; TCP then slows the sender down. Who brings little goes
// on: how much is little falls from half of what the heavy ones brought, at half of the buffer, to
// nothing at seven eighths of it. A disk that does nothing at all is no reason to wait for long: the
// journal may lose messages, and count them; the hub may not stop.

import type { Backlog } from "../journal/page.ts";
import type { Log } from "../log_contract.ts";

/** What is known of who brings messages. */
export interface Source {
  /** Bytes that it has brought lately, as of `turn`. */
  brought: number;
  turn: number;
  /** How often it was not read for a while. */
  pauses: number;
  /** Lets it be read again; `undefined`: it is read. */
  resume: (() => void) | undefined;
  /** When it was last not read: the end of that, in milliseconds. */
  resumed: number;
}

/** Facts about it. */
export type PressureStats = {
  /** How often a client was not read for a while. */
  readonly pauses: number;
  /** For how long clients were not read, all together, in seconds. */
  readonly pausedSec: number;
  /** How many are not read now. */
  readonly paused: number;
};

/** Back-pressure of one hub. */
export interface Pressure<S extends Source> {
  /**
   * A client has brought so many bytes. As long as this returns something, they are not to be used until
   * that resolves, and it is to be asked again, with none.
   */
  brought(source: S, bytes: number): Promise<void> | undefined;
  /** To be called each second or so, with the time in milliseconds. */
  tick(now: number): void;
  /** The client is gone. */
  forget(source: S): void;
  stats(): PressureStats;
}

/** Options of {@linkcode createPressure}. */
export interface PressureOptions<S> {
  /** Default: nothing waits, ever. */
  readonly backlog: Backlog | undefined;
  /** The time now, in milliseconds. */
  readonly clock: () => number;
  readonly log: Log;
  readonly nameOf: (source: S) => string;
}

/** Shares of the buffer: from when on clients are paused, when all that bring something, until when. */
const BEGIN = 1 / 2, EVERYBODY = 7 / 8, END = 1 / 4;
/** Of what the heavy ones brought: who brought less is not paused yet. */
const HEAVY = 1 / 2;
/** A disk that has written nothing for so long is not waited for: a card that syncs may take its time. */
const STUCK_MS = 30_000;
/** No more often than this is said that clients are paused. */
const SAY_MS = 60_000;

/** Where what a client has brought is counted. */
export function newSource(): Source {
  return { brought: 0, turn: 0, pauses: 0, resume: undefined, resumed: -Infinity };
}

/** Makes it, with nobody paused. */
export function createPressure<S extends Source>(
  { backlog, clock, log, nameOf }: PressureOptions<S>,
): Pressure<S> {
  const paused = new Map<S, number>();
  let pauses = 0, pausedMs = 0, lastSaid = -Infinity;
  /** Counts the seconds without pressure; what was brought counts half after each. */
  let turn = 0;
  /** The sum of what all have brought, and that of the squares. */
  let sum = 0, squares = 0;
  let lastProgress = 0, isStuck = false;

  function count(source: S, bytes: number): void {
    if (source.turn !== turn) {
      source.brought *= 0.5 ** (turn - source.turn);
      source.turn = turn;
    }
    squares += bytes * (2 * source.brought + bytes);
    source.brought += bytes;
    sum += bytes;
  }

  function release(source: S): void {
    const since = paused.get(source);
    if (since === undefined) return;
    paused.delete(source);
    source.resumed = clock();
    pausedMs += source.resumed - since;
    const { resume } = source;
    source.resume = undefined;
    resume?.();
  }

  function look(): void {
    if (paused.size === 0 || backlog === undefined) return;
    if (!isStuck && !backlog.isStopped && backlog.bytes > backlog.limit * END) return;
    for (const source of [...paused.keys()]) release(source);
  }

  function say(source: S, now: number): void {
    if (now - lastSaid < SAY_MS) return;
    lastSaid = now;
    log.warn(
      `The journal's disk is slower than what comes: ${
        nameOf(source)
      } is slowed down, as are others ` +
        "that send as much; the stats of the hub tell how often and for how long",
    );
  }

  backlog?.onProgress(() => {
    lastProgress = clock();
    isStuck = false;
    look();
  });

  return {
    brought(source, bytes) {
      if (backlog === undefined) return undefined;
      if (bytes > 0) count(source, bytes);
      const share = backlog.bytes / backlog.limit;
      if (share <= BEGIN || backlog.isStopped || isStuck) return undefined;
      // What a byte's bringer has brought, on the average of all bytes: that of the heavy ones.
      const heavy = squares / sum;
      const allowed = HEAVY * heavy * (EVERYBODY - share) / (EVERYBODY - BEGIN);
      if (source.brought < allowed) return undefined;
      const now = clock();
      if (paused.size === 0) lastProgress = now;
      paused.set(source, now);
      pauses++;
      source.pauses++;
      say(source, now);
      return new Promise((resolve) => source.resume = resolve);
    },
    tick(now) {
      if (paused.size === 0) {
        turn++;
        sum /= 2;
        squares /= 4;
      } else if (now - lastProgress > STUCK_MS) {
        isStuck = true;
        log.error(
          `The journal's disk has written nothing for ${
            STUCK_MS / 1000
          } s: clients are not slowed ` +
            "down for it any more, and messages past its buffer are not kept",
        );
      }
      look();
    },
    forget: release,
    stats() {
      const now = clock();
      let ms = pausedMs;
      for (const since of paused.values()) ms += now - since;
      return { pauses, pausedSec: ms / 1000, paused: paused.size };
    },
  };
}
