// The signals that a program is sent, and what becomes of them: one that has not told its pid yet gets
// them later, one of another user not at all, and one that hangs in the kernel minds none.

import type { Log } from "../log.ts";
import type { Start } from "../process/start_contract.ts";

/** What SIGKILL has not ended after so long, it does not end, in milliseconds. */
const KILLED_MS = 5000;

/** The signals of a program. */
export interface Signals {
  /** Sends one to all of its group. `isEnded`: its process is gone, and has no pid to tell any more. */
  send(signal: Deno.Signal, start: Start, isEnded: boolean): void;
  /** Its pid may be known now. */
  again(start: Start): void;
  /** It is another start, or has ended. */
  reset(): void;
  /** Why it cannot be stopped from here; `undefined`: as far as is known it can. */
  readonly trouble: string | undefined;
}

/** Makes the signals of a program; `now` is a monotonic clock, in milliseconds. */
export function createSignals(
  { name, log, now }: { readonly name: string; readonly log: Log; readonly now: () => number },
): Signals {
  let pending: Deno.Signal | undefined;
  let refused: string | undefined;
  let killedAt: number | undefined;
  return {
    send(signal, start, isEnded) {
      if (signal === "SIGKILL") killedAt ??= now();
      try {
        if (start.signal(signal)) log.debug(`${name}: ${signal} to ${start.pid}`);
        else if (!isEnded) pending = signal;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        // It is tried on each second.
        if (refused === undefined) log.warn(`Cannot send ${signal} to ${name}: ${why}`);
        refused = error instanceof Deno.errors.PermissionDenied || /EPERM/.test(why)
          ? `it may not be sent ${signal}: it runs as another user, who has to stop pid ${start.pid}`
          : `it cannot be sent ${signal}: ${why}`;
      }
    },
    again(start) {
      if (pending !== undefined && start.signal(pending)) pending = undefined;
    },
    reset() {
      pending = undefined;
      refused = undefined;
      killedAt = undefined;
    },
    get trouble() {
      if (refused !== undefined) return refused;
      if (killedAt === undefined || now() < killedAt + KILLED_MS) return undefined;
      return "SIGKILL does not end it: it, or what it started, hangs in the kernel, as for a device or a disk";
    },
  };
}
