// A pause that can be cut short.

/** The longest that `setTimeout` waits, in milliseconds: 24.8 days. Asked for more, it waits not at all. */
export const LONGEST_MS = 2 ** 31 - 1;

/** Waits so many milliseconds, or until the signal. Never fails; leaves neither timer nor listener. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, LONGEST_MS));
    signal.addEventListener("abort", done);
  });
}
