// What somebody should look at now: each alarm stands until its cause is over. Pure.

/** How bad it is. `over`: it is not any more. */
export type AlarmState = "warning" | "critical" | "over";

/** Something that somebody should look at. */
export type Alarm = {
  /** What it is about: a program's name, `disk /data`. There is one alarm for each. */
  readonly source: string;
  readonly state: AlarmState;
  /** What is the case, and what to do. */
  readonly text: string;
  /** Unix time in seconds since when it is so. */
  readonly since: number;
};

/** The alarms that stand. */
export interface Alarms {
  /** Raises an alarm, or changes the one of this source; what stands already is not told again. */
  raise(source: string, state: "warning" | "critical", text: string): void;
  /** It is over; nothing if it did not stand. */
  clear(source: string, text?: string): void;
  /** Those that stand, the worst first. */
  readonly standing: readonly Alarm[];
}

/** Makes a set of alarms; `tell` is called when one is raised, becomes another, or is over. */
export function createAlarms(
  tell: (alarm: Alarm) => void,
  now: () => number = () => Date.now() / 1000,
): Alarms {
  const standing = new Map<string, Alarm>();
  return {
    raise(source, state, text) {
      const known = standing.get(source);
      const since = known?.state === state ? known.since : now();
      const alarm = { source, state, text, since };
      standing.set(source, alarm);
      // A text may change by the second ("9.8 GB free"); only another state is news.
      if (known?.state !== state) tell(alarm);
    },
    clear(source, text = "over") {
      if (standing.delete(source)) tell({ source, state: "over", text, since: now() });
    },
    get standing() {
      const all = [...standing.values()];
      return all.sort((a, b) =>
        Number(b.state === "critical") - Number(a.state === "critical") || a.since - b.since
      );
    },
  };
}
