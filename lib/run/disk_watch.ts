// The disks that an experiment writes to: looked at now and then, an alarm before they are full.

import { type DiskSpace, diskSpace, onePerDisk } from "../process/disk_space.ts";
import type { DiskLimits } from "../experiment/experiment_file.ts";
import type { Alarms } from "../status/alarms.ts";
import type { DiskStatus } from "../status/program_status.ts";

/** Options of {@linkcode watchDisks}. */
export interface DiskWatchOptions {
  /** Asked at each look: a reload may change them. */
  readonly limits: () => DiskLimits;
  /** All folders that are written to. */
  readonly folders: () => Iterable<string>;
  readonly alarms: Alarms;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /**
   * Looks at one folder; `undefined`: nobody can tell now, and all is taken to be as it was. Default:
   * {@linkcode diskSpace}.
   */
  readonly look?: (folder: string, signal: AbortSignal) => Promise<DiskSpace | undefined>;
  /** One folder for each disk that these are on. Default: {@linkcode onePerDisk}. */
  readonly distinct?: (folders: readonly string[], signal: AbortSignal) => Promise<string[]>;
}

/** The watch, until it is disposed of. */
export interface DiskWatch extends Disposable {
  /** Begins a look if it is time to, and none is under way. */
  tick(): void;
  /** Looks at the next tick: there may be other folders now. */
  soon(): void;
  readonly disks: readonly DiskStatus[];
}

/** An answer that takes longer is none, in milliseconds: a network disk that is gone gives none. */
const PATIENCE_MS = 10_000;
/** An alarm is over when there is this much more room than it takes to raise it. */
const MARGIN = 1.05;

/** How a disk is by its room; one that was worse has to become a little better than the limit. */
export function judgeDisk(
  freeBytes: number,
  before: DiskStatus["state"],
  { warnBytes, criticalBytes }: Pick<DiskLimits, "warnBytes" | "criticalBytes">,
): DiskStatus["state"] {
  const critical = criticalBytes * (before === "critical" ? MARGIN : 1);
  const warn = warnBytes * (before === "good" ? 1 : MARGIN);
  return freeBytes < critical ? "critical" : freeBytes < warn ? "warning" : "good";
}

/** An amount of data as disks are sold: `9.8 GB`. */
export function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Watches; the first look is at the first tick. */
export function watchDisks(options: DiskWatchOptions): DiskWatch {
  const { limits, folders, alarms, now, look = diskSpace, distinct = onePerDisk } = options;
  const abort = new AbortController();
  let disks: readonly DiskStatus[] = [];
  let next = -Infinity;
  let looking = false;
  /** Folders that could not be looked at. */
  let failed = new Set<string>();

  function tell({ mount, freeBytes, state }: DiskStatus): void {
    const source = `disk ${mount}`;
    const room = `${gigabytes(freeBytes)} free`;
    if (state === "good") return alarms.clear(source, room);
    const what = state === "critical" ? "soon nothing can be written any more" : "make room";
    alarms.raise(source, state, `${room}; ${what}`);
  }

  async function lookAll(): Promise<void> {
    const found = new Map<string, DiskStatus>();
    const before = new Map(disks.map((disk) => [disk.mount, disk.state]));
    const late = () => AbortSignal.any([abort.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const all = [...new Set([...folders(), ...limits().folders])];
    const failing = new Set<string>();
    let isKnown = true;
    await Promise.all((await distinct(all, late())).map(async (folder) => {
      const signal = late();
      try {
        const space = await look(folder, signal);
        if (space === undefined) {
          isKnown = false;
          return;
        }
        const { mount, freeBytes } = space;
        const state = judgeDisk(freeBytes, before.get(mount) ?? "good", limits());
        found.set(mount, { mount, freeBytes, state });
      } catch (error) {
        if (abort.signal.aborted) return;
        const why = signal.aborted
          ? `nothing answers in ${PATIENCE_MS / 1000} s; a network disk that is gone?`
          : error instanceof Error
          ? error.message
          : String(error);
        failing.add(folder);
        alarms.raise(`folder ${folder}`, "warning", `Cannot tell the room in ${folder}: ${why}`);
      }
    }));
    if (abort.signal.aborted || !isKnown) return;
    for (const folder of failed.difference(failing)) alarms.clear(`folder ${folder}`, "it answers");
    failed = failing;
    disks = [...found.values()].sort((a, b) => a.freeBytes - b.freeBytes);
    for (const disk of disks) tell(disk);
    for (const mount of before.keys()) {
      if (!found.has(mount)) alarms.clear(`disk ${mount}`, "not watched any more");
    }
  }

  return {
    tick() {
      if (looking || now() < next) return;
      next = now() + limits().periodSec * 1000;
      looking = true;
      lookAll().finally(() => looking = false);
    },
    soon: () => void (next = -Infinity),
    get disks() {
      return disks;
    },
    [Symbol.dispose]: () => abort.abort(),
  };
}
