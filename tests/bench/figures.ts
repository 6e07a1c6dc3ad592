// What was measured, over several runs: medians and spread. Pure.

/** Figures by row ("mosquitto", "abcd, TCP") and measure ("one to one"), one for each run. */
export interface Figures {
  add(row: string, measure: string, value: number): void;
  /** The median of the runs; `undefined`: it was not measured. */
  median(row: string, measure: string): number | undefined;
  /** Half of what lies between the least and the greatest, as a part of the median. */
  spread(row: string, measure: string): number;
  /** All of it, for a file. */
  toJSON(): { [row: string]: { [measure: string]: readonly number[] } };
}

/** The middle one; of two in the middle, their mean. `NaN` of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
  const high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? NaN;
  return (low + high) / 2;
}

/** Makes figures with nothing in them. */
export function createFigures(): Figures {
  const rows = new Map<string, Map<string, number[]>>();
  const values = (row: string, measure: string) => rows.get(row)?.get(measure) ?? [];
  return {
    add(row, measure, value) {
      const measures = rows.get(row) ?? new Map<string, number[]>();
      rows.set(row, measures);
      measures.set(measure, [...measures.get(measure) ?? [], value]);
    },
    median(row, measure) {
      const all = values(row, measure);
      return all.length === 0 ? undefined : medianOf(all);
    },
    spread(row, measure) {
      const all = values(row, measure);
      return all.length < 2 ? 0 : (Math.max(...all) - Math.min(...all)) / 2 / medianOf(all);
    },
    toJSON: () =>
      Object.fromEntries(
        [...rows].map(([row, measures]) => [row, Object.fromEntries(measures)]),
      ),
  };
}
