// Whether what a program writes can be read: nobody notices by himself that a log is none any more.

import { emptyLostLog, findLostLog, whyNoLog } from "../process/open_log.ts";

/** Looks after the log of one program. */
export interface LogWatch {
  /** It is about to be started. */
  starts(): void;
  /** It has ended. */
  ended(): void;
  /** To be called about once a second while it runs. */
  look(pid: number, maxBytes: number): void;
  /** Why what it writes cannot be read, and what to do; `undefined`: it can be. */
  readonly trouble: string | undefined;
}

/** Makes the watch of the log at a path, of this program. */
export function createLogWatch(name: string, path: string): LogWatch {
  let trouble: string | undefined;
  const then = `to have it in ${path} again: abcd restart ${name}`;
  return {
    starts() {
      const why = whyNoLog(path);
      trouble = why === undefined
        ? undefined
        : `what it writes is lost: ${why}; when that is mended, ${then}`;
    },
    ended() {
      trouble = undefined;
    },
    look(pid, maxBytes) {
      const lost = findLostLog(pid, path);
      if (lost === undefined) return;
      if ("movedTo" in lost) {
        trouble = `it writes into ${lost.movedTo}, which is not kept small; ${then}`;
        return;
      }
      emptyLostLog(pid, maxBytes);
      trouble = `its log was removed: what it writes cannot be read; ${then}`;
    },
    get trouble() {
      return trouble;
    },
  };
}
