// Measuring on a virtual machine: others on the same computer take its processors away now and then, and what
// is measured meanwhile says little.

/** With more than this part of a core taken away it is measured again … */
const MOST_CORES = 0.05;
/** … but so often in all; the calmest counts. */
const TRIES = 3;

/** Time that other virtual machines have had instead of this one, in seconds (Linux's "steal"). */
function stolenSec(): number {
  const fields = /^cpu +(.*)$/m.exec(Deno.readTextFileSync("/proc/stat"))?.[1] ?? "";
  return Number(fields.split(" ")[7] ?? 0) / 100;
}

/** Measures in calm moments. */
export interface Calm {
  /** What `measure` gives, the calmest time of a few. */
  take<T>(measure: () => Promise<T>): Promise<T>;
  /** Cores that were taken away, for each measurement that counts. */
  readonly stolen: readonly number[];
  /** How many were measured again. */
  readonly repeated: number;
}

/**
 * Makes one.
 *
 * @param stolen Time that was taken away until now, in seconds.
 * @param now In milliseconds.
 */
export function createCalm(stolen = stolenSec, now = () => performance.now()): Calm {
  const all: number[] = [];
  let repeated = 0;
  return {
    stolen: all,
    get repeated() {
      return repeated;
    },
    async take(measure) {
      for (let i = 1, best;; i++) {
        const before = stolen(), begin = now();
        const value = await measure();
        const cores = (stolen() - before) / (now() - begin) * 1000;
        if (best === undefined || cores < best.cores) best = { value, cores };
        if (best.cores > MOST_CORES && i < TRIES) continue;
        if (i > 1) repeated++;
        all.push(best.cores);
        return best.value;
      }
    },
  };
}
