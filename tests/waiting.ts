// How tests wait: for what is to happen, with a deadline that fails with what was seen.

/** Longest wait for something that should happen soon, in milliseconds: loaded machines are slow. */
export const PATIENCE_MS = 30_000;

/** A pause, in milliseconds; for pacing a load, never to hope that something has happened. */
export function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The promise's value, or an error with these words after so many milliseconds. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  what: string | (() => string),
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${ms} ms: ${typeof what === "string" ? what : what()}`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Polls until the condition holds (or gives something); fails with the words if it never does. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string | (() => string),
  patienceMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value;
    if (Date.now() > deadline) {
      const seen = typeof what === "string" ? what : what();
      throw new Error(`Waited ${patienceMs} ms in vain: ${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
