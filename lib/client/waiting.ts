// Waiting that ends in time.

import { afterPatience } from "../patience.ts";
import { pause } from "../pause.ts";

/** Waits for a promise, but no longer than so many milliseconds. */
export async function inTime(promise: Promise<void>, ms: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([promise, pause(ms, enough.signal)]);
  enough.abort();
}

/** Waits for a promise that can be given up: after a time, or when a signal says so. */
export async function whileWaiting<T>(promise: Promise<T>, options: {
  timeoutSec: number | undefined;
  signal: AbortSignal | undefined;
  /** What to say when it is late; the time is put behind it. */
  late: string;
  giveUp: (reason: unknown) => void;
}): Promise<T> {
  const { timeoutSec, signal, late, giveUp } = options;
  const aborted = () => giveUp(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  const end = timeoutSec === undefined ? undefined : afterPatience(
    timeoutSec * 1000,
    () => giveUp(new DOMException(`${late} in ${timeoutSec} s`, "TimeoutError")),
  );
  try {
    return await promise;
  } finally {
    end?.();
    signal?.removeEventListener("abort", aborted);
  }
}
