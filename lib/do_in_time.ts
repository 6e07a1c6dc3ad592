// Something that waits for others, given up after a time, or when somebody says so.

import { afterPatience } from "./patience.ts";

/** Options of {@linkcode doInTime}. */
export interface InTimeOptions {
  /** How long it may take, in seconds. */
  readonly sec: number;
  /** What to say when it takes longer. */
  readonly late: string;
  /** Gives it up at once. Default: nothing does. */
  readonly signal?: AbortSignal;
}

/**
 * Does something that ends when its signal says so.
 *
 * @throws {Error} Its own errors; `late`; the reason of `signal`.
 */
export async function doInTime<T>(
  act: (signal: AbortSignal) => Promise<T>,
  { sec, late, signal }: InTimeOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const stopped = () => over.abort(signal?.reason);
  signal?.addEventListener("abort", stopped);
  const end = afterPatience(sec * 1000, () => over.abort(new Error(late)));
  try {
    return await act(over.signal);
  } catch (error) {
    throw over.signal.aborted ? over.signal.reason : error;
  } finally {
    end();
    signal?.removeEventListener("abort", stopped);
  }
}
