// Writing in groups: one write at a time, soon after something waits, and those who wait for it to be
// safe. What is written, and where, is the owner's affair.

/** Options of {@linkcode createGroupWriter}. Times in milliseconds. */
export interface GroupWriterOptions {
  /** Writes all that waits. Never throws: what went wrong is in `stopped`. */
  readonly write: () => Promise<void>;
  /**
   * Makes safe what was written, while more is written already if much waits. Never throws, either.
   * Default: `write` does it.
   */
  readonly sync?: () => Promise<void>;
  /** Number up to which all is safe. */
  readonly synced: () => number;
  /** Why nothing is written now. */
  readonly stopped: () => string | undefined;
  /** When what waits behind a write is to be written; 0: it is much; `undefined`: nothing does. */
  readonly pauseMs: () => number | undefined;
  /** The same while somebody waits for it to be safe. */
  readonly ackMs: number;
  /** When it is tried again after it was stopped. */
  readonly retryMs: number;
}

/** Writes in groups. */
export interface GroupWriter {
  /** Whether a write is under way. */
  readonly busy: boolean;
  /** A write is to begin so many milliseconds from now, or sooner. */
  soon(ms: number): void;
  /** Writes now; if a write is under way, resolves when that is done. */
  now(): Promise<void>;
  /**
   * Resolves once all up to the number is safe.
   *
   * @throws {Error} If that stopped.
   */
  safe(upTo: number): Promise<void>;
  /** Ends what is under way; from then on only `now` writes. */
  close(): Promise<void>;
  /** Tells those who still wait that it is over. */
  giveUp(reason: Error): void;
}

interface Waiter {
  readonly upTo: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Makes one; it has no timer until something waits. */
export function createGroupWriter(options: GroupWriterOptions): GroupWriter {
  const { write, sync, synced, stopped, pauseMs, ackMs, retryMs } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = Infinity;
  let setFor = Infinity;
  let writing: Promise<void> | undefined;
  let syncing: Promise<void> | undefined;
  let closed = false;
  let waiters: Waiter[] = [];

  function soon(ms: number): void {
    if (closed || writing !== undefined) return;
    // A timer that was set for no longer, and before, is due no later: no need to look at the clock.
    if (timer !== undefined && setFor <= ms) return;
    const at = performance.now() + ms;
    if (timer !== undefined) {
      if (due <= at) return;
      clearTimeout(timer);
    }
    due = at;
    setFor = ms;
    timer = setTimeout(() => {
      timer = undefined;
      void now();
    }, ms);
  }

  function tellWaiters(): void {
    const upTo = synced(), why = stopped();
    const all = waiters;
    waiters = [];
    for (const waiter of all) {
      if (waiter.upTo <= upTo) waiter.resolve();
      else if (why !== undefined) waiter.reject(new Error(why));
      else waiters.push(waiter);
    }
  }

  async function writeAndSync(): Promise<void> {
    await write();
    if (sync === undefined) return;
    const isMuch = () => pauseMs() === 0 && stopped() === undefined;
    // What waits is written meanwhile; a later sync makes it all safe.
    if (syncing !== undefined && isMuch()) return;
    await syncing;
    syncing = sync().finally(() => {
      syncing = undefined;
      tellWaiters();
    });
    if (!isMuch()) await syncing;
  }

  function pauseNow(): number | undefined {
    if (stopped() !== undefined) return retryMs;
    const ms = pauseMs();
    return waiters.length > 0 ? Math.min(ackMs, ms ?? ackMs) : ms;
  }

  function now(): Promise<void> {
    if (writing !== undefined) return writing;
    clearTimeout(timer);
    timer = undefined;
    return writing = writeAndSync().finally(() => {
      writing = undefined;
      tellWaiters();
      const ms = pauseNow();
      if (ms !== undefined) soon(ms);
    });
  }

  return {
    get busy() {
      return writing !== undefined;
    },
    soon,
    now,
    safe(upTo) {
      if (synced() >= upTo) return Promise.resolve();
      const why = stopped();
      if (why !== undefined) return Promise.reject(new Error(why));
      if (closed) return Promise.reject(new Error("Cannot write it: the file is closed"));
      return new Promise((resolve, reject) => {
        waiters.push({ upTo, resolve, reject });
        soon(ackMs);
      });
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await writing;
      await syncing;
    },
    giveUp(reason) {
      for (const { reject } of waiters.splice(0)) reject(reason);
    },
  };
}
