// When the controller looks at its programs: soon where there is something to wait for, else each
// second, and at once when the kernel tells that a start has come to something.

import { listPids, listProcesses, type ProcessStat } from "../process/proc_fs.ts";
import { programOfFile } from "./adoption.ts";
import type { Tick } from "./runner.ts";

/** The look at processes of which no file tells that they ended, in milliseconds. */
const POLL_MS = 1000;

/** A tick that comes later than this was kept waiting with all else, in milliseconds. */
const LATE_MS = 100;

/** What {@linkcode createPace} works with. */
export interface PaceOptions {
  /** The folder of starts, which is there. */
  readonly starts: string;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Lets time pass for everything; `isMeasure`: it is time to measure what is used. */
  readonly tick: (tick: Tick & { readonly isMeasure: boolean }) => void;
  /** How long everything can wait for its next tick, in milliseconds. */
  readonly patienceMs: () => number;
  /** Between two looks at processor and memory, in milliseconds. */
  readonly measureMs: () => number;
  /** A file of a start of this program has changed. */
  readonly look: (program: string) => void;
  readonly warn: (text: string) => void;
}

/** The pace, until it is disposed of. */
export interface Pace extends Disposable {
  /** Ticks now, and from then on when it is time to. */
  start(): void;
  tick(): void;
  /** Something has changed: the next tick may have to come sooner. */
  again(): void;
  /** The folder of starts is another one now, of the same name. */
  follow(): void;
}

/** Makes the pace; nothing ticks before it is started. */
export function createPace(options: PaceOptions): Pace {
  const { starts, now, tick, patienceMs, measureMs, look, warn } = options;
  let watcher: Deno.FsWatcher | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next tick comes. */
  let due = Infinity;
  /** The last one came late, and is put off for a moment. */
  let isLate = false;
  let isOver = false;
  let nextPoll = 0;
  let measured = -Infinity;

  function tickNow(): void {
    // One look serves all programs.
    let pids: Set<number> | undefined;
    let all: readonly ProcessStat[] | undefined;
    const isPoll = now() >= nextPoll;
    if (isPoll) nextPoll = now() + POLL_MS;
    const isMeasure = now() >= measured + measureMs();
    if (isMeasure) measured = now();
    tick({
      isPoll,
      isMeasure,
      isThere: (pid) => (pids ??= listPids()).has(pid),
      processes: () => all ??= listProcesses(),
    });
  }

  function tickIn(wait: number): void {
    due = now() + wait;
    const own = timer = setTimeout(() => {
      if (own !== timer) return;
      // This process was away: what came meanwhile from programs and the hub is taken before they are judged.
      isLate = !isLate && now() > due + LATE_MS;
      if (isLate) return tickIn(LATE_MS);
      due = Infinity;
      tickNow();
      again();
    }, wait);
  }

  function again(): void {
    const wait = patienceMs();
    // One that comes sooner stands: what happens all the time is not to put off the tick for ever.
    if (isOver || due <= now() + wait) return;
    clearTimeout(timer);
    tickIn(wait);
  }

  /** The kernel tells of each file in the folder of starts: the end of a program is known at once. */
  async function followStarts(): Promise<void> {
    watcher?.close();
    watcher = undefined;
    try {
      watcher = Deno.watchFs(starts, { recursive: false });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      warn(
        `Cannot follow the files in ${starts}: ${why}; programs are looked at each second instead. ` +
          `Too many of this user's programs may do so: sysctl fs.inotify.max_user_instances=512`,
      );
      return;
    }
    for await (const { paths } of watcher) {
      for (const name of new Set(paths.map(programOfFile))) look(name);
      again();
      // What is told already comes in the same turn, and looks bring more: all else is to have its turn.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  return {
    start() {
      followStarts();
      tickNow();
      again();
    },
    tick: tickNow,
    again,
    follow: () => void followStarts(),
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(timer);
      watcher?.close();
    },
  };
}
