// Lines for somebody who may not read them: a pipe to a program that is stopped, a terminal on which
// Ctrl-S was pressed. Writing there holds up whoever writes, for as long as nobody reads; so it is done
// beside everything else, and what there is no room for is counted.

/** Lines to a reader for whom nothing waits. */
export interface LineOutput {
  /** Writes a line, without its newline, as soon as the reader takes it; its loss is no error. */
  write(line: string): void;
  /** Whether so much waits that lines which need not come now should wait for `hasRoom`. */
  readonly isFull: boolean;
  /** Resolves when there is room for more, at once if nothing waits: for lines that need not come now. */
  hasRoom(): Promise<void>;
  /**
   * Resolves when all is written, or when the reader is gone or takes nothing any more.
   *
   * @param patienceMs So long it may take nothing, in milliseconds. Default 2000.
   */
  written(patienceMs?: number): Promise<void>;
}

/** Options of {@linkcode createLineOutput}. */
export interface LineOutputOptions {
  /** Writes some of the bytes and resolves to how many, like `Deno.stderr.write`. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /**
   * Called when the reader takes lines again: how many were left out, and since when (Unix time in
   * milliseconds). What it writes stands where they are missing.
   */
  readonly missed: (count: number, since: number) => void;
  /** Called when nothing can be written any more: the reader is gone. Default: that is no news. */
  readonly failed?: (error: unknown) => void;
  /** Most characters that wait for the reader. Default {@linkcode MOST_WAITING}. */
  readonly mostWaiting?: number;
  /** Unix time in milliseconds. Default: the computer's clock. */
  readonly now?: () => number;
}

/** Characters that wait for a reader: some ten thousand lines, hours of a controller's log. */
export const MOST_WAITING = 1024 ** 2;
/**
 * Bytes given to the reader at a time. A write ends when all of it is taken: of a larger one nobody could
 * tell a slow reader, such as a serial line of 115,200 baud, from one that takes nothing any more. Many
 * small ones are slow where the program has much else to do.
 */
const AT_A_TIME = 16_384;
/** The same for a reader that was quick for so long that it is no empty pipe which took all that. */
const AT_A_TIME_QUICK = 65_536;
const QUICK_BYTES = 262_144;
/** A reader that takes so long for a piece is slow, in milliseconds. */
const SLOW_MS = 1000;
/** A reader that has taken nothing for so long takes nothing any more, in milliseconds. */
const STUCK_MS = 2000;

/** Makes the output; nothing is written yet. */
export function createLineOutput(options: LineOutputOptions): LineOutput {
  const { write, missed, failed, mostWaiting = MOST_WAITING, now = Date.now } = options;
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let characters = 0;
  /** What is missing at the end of what waits. */
  let left = { count: 0, since: 0 };
  let isWriting = false;
  /** Counts what the reader has taken. */
  let taken = 0;
  /** Bytes that it has taken since it was slow last. */
  let quickBytes = 0;
  let changes = Promise.withResolvers<void>();
  function changed(): void {
    changes.resolve();
    changes = Promise.withResolvers();
  }

  async function writeAll(): Promise<void> {
    isWriting = true;
    try {
      while (waiting.length > 0) {
        let bytes = encoder.encode(waiting.join(""));
        waiting = [];
        while (bytes.length > 0) {
          const begun = performance.now();
          const atATime = quickBytes < QUICK_BYTES ? AT_A_TIME : AT_A_TIME_QUICK;
          const count = await write(bytes.subarray(0, atATime));
          quickBytes = performance.now() - begun < SLOW_MS ? quickBytes + count : 0;
          bytes = bytes.subarray(count);
          taken++;
          changed();
        }
        // Only now: what is being written is in memory, too.
        characters = waiting.reduce((sum, line) => sum + line.length, 0);
        changed();
        if (left.count === 0 || waiting.length > 0) continue;
        const { count, since } = left;
        left = { count: 0, since: 0 };
        missed(count, since);
      }
    } catch (error) {
      // It is gone, as the terminal of somebody who has logged out: that is no fault of who writes.
      [waiting, characters, left] = [[], 0, { count: 0, since: 0 }];
      failed?.(error);
    }
    isWriting = false;
    changed();
  }

  const isFull = () => isWriting && characters > mostWaiting / 2;

  return {
    write(line) {
      const text = `${line}\n`;
      // In order: behind the first that is left out all are, until that is said.
      if (left.count > 0 || (characters > 0 && characters + text.length > mostWaiting)) {
        left = left.count === 0 ? { count: 1, since: now() } : { ...left, count: left.count + 1 };
        return;
      }
      waiting.push(text);
      characters += text.length;
      if (!isWriting) writeAll();
    },
    get isFull() {
      return isFull();
    },
    async hasRoom() {
      while (isFull()) await changes.promise;
    },
    async written(patienceMs = STUCK_MS) {
      while (isWriting) {
        const before = taken;
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<void>((resolve) => timer = setTimeout(resolve, patienceMs));
        await Promise.race([changes.promise, late]);
        clearTimeout(timer);
        if (isWriting && taken === before) return;
      }
    },
  };
}
