// How long pings take to come back: counted in classes, as Prometheus does.

/** Upper bounds of the classes, in seconds; what takes longer is only in the count. */
export const ROUND_TRIP_BOUNDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] as const;

/** Times of pings, as a message holds them. */
export type RoundTripStats = {
  readonly count: number;
  /** All of them together, in seconds. */
  readonly sum: number;
  /** How many took at most this long: `[seconds, count]`, each with those before it. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
};

/** Times of pings. */
export interface RoundTrips {
  add(sec: number): void;
  stats(): RoundTripStats;
}

/** Makes one with nothing in it. */
export function createRoundTrips(): RoundTrips {
  const counts = ROUND_TRIP_BOUNDS.map(() => 0);
  let count = 0, sum = 0;
  return {
    add(sec) {
      count++;
      sum += sec;
      const i = ROUND_TRIP_BOUNDS.findIndex((bound) => sec <= bound);
      if (i >= 0) counts[i] = (counts[i] ?? 0) + 1;
    },
    stats() {
      let before = 0;
      const buckets = ROUND_TRIP_BOUNDS.map((bound, i) =>
        [bound, before += counts[i] ?? 0] as const
      );
      return { count, sum, buckets };
    },
  };
}
