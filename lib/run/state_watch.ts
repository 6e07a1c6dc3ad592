// Whether what the next controller must know can be kept: an alarm while it cannot, as on a disk that is
// full or that can be read only, and when somebody has removed the folder.

import type { Alarms } from "../status/alarms.ts";
import type { StateFolder } from "./state_folder.ts";

/** The source of the alarm. */
const ALARM = "state";
/** An alarm about a folder that was removed stands this long, in milliseconds: somebody is to see it. */
const TOLD_MS = 600_000;

/** Options of {@linkcode watchState}. */
export interface StateWatchOptions {
  readonly folder: StateFolder;
  readonly alarms: Pick<Alarms, "raise" | "clear">;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** All of the folder was gone, and its records are there again: what else was in it is missing. */
  readonly remade: () => void;
}

/** Makes the look at the folder that belongs into each second. */
export function watchState({ folder, alarms, now, remade }: StateWatchOptions): () => void {
  let isTold = false;
  let until = -Infinity;
  return () => {
    const mended = folder.mend();
    if (mended.kind === "problem") {
      isTold = true;
      const text = `${mended.text}; programs go on, and what is not kept is tried again; ` +
        `a controller that comes after this one would know less`;
      return alarms.raise(ALARM, "critical", text);
    }
    if (mended.kind === "remade") {
      isTold = true;
      until = now() + TOLD_MS;
      remade();
      const text = `${folder.path} was removed, and is made again; what stood in it is lost, ` +
        `and what programs write into a log that was removed: restart them`;
      return alarms.raise(ALARM, "critical", text);
    }
    if (!isTold || now() < until) return;
    isTold = false;
    alarms.clear(ALARM, "it can be written");
  };
}
