// The line to a terminal, which may be slow. What is written to it waits in buffers on the way, of a
// terminal's driver, of ssh, of a modem: they take a minute's worth of a slow line at once, and nobody
// here sees it. So the terminal is asked to say that it has shown what it was sent (the device status
// report that every terminal since the VT100 knows), and until it does nothing more is sent.

/** The request for a device status report. What answers it: {@linkcode takeAnswers}. */
export const ASK = "\x1b[5n";
/** How long the first answer may take, in milliseconds: one that is not there then does not hold up. */
const FIRST_MS = 400;
/** A later answer that has not come by then does not come, in milliseconds. */
const LOST_MS = 10_000;
/** What has not been taken by then is not taken any more, in milliseconds. */
export const STUCK_MS = 1000;
/** A change is to be shown in so long, in milliseconds; it is sent in parts of what is shown in that. */
const PART_MS = 500;
/** The first part, and the least, in characters. */
const FIRST_PART = 1000, LEAST_PART = 150;
/** A part as large as this is any page, in characters. */
const MOST_PART = 1e6;

/** What was typed without the terminal's answers, and how many these were. */
export function takeAnswers(typed: string): { readonly text: string; readonly answers: number } {
  let answers = 0;
  // deno-lint-ignore no-control-regex -- what a terminal answers
  const text = typed.replaceAll(/\x1b\[[03]n/g, () => {
    answers++;
    return "";
  });
  return { text, answers };
}

/** The line. */
export interface PacedLine {
  /** Nothing is on the way, as far as is known. */
  readonly isFree: boolean;
  /** Characters that are to be sent at most at a time. */
  readonly most: number;
  /** It has not taken what was written for so long that it takes nothing any more. */
  readonly isStuck: boolean;
  /** Writes a text; `isPart`: there is more that there was no room for. */
  put(text: string, isPart?: boolean): void;
  /** Writes the last one, which nobody asks about. */
  putLast(text: string): void;
  /** The terminal has answered. */
  answered(): void;
  /** The terminal may be another one now: what it was asked is forgotten. */
  forget(): void;
  /** Waits until it is free, for {@linkcode STUCK_MS} at most; whether all that was written was taken. */
  settled(): Promise<boolean>;
}

/** Options of {@linkcode createPacedLine}. */
export interface PacedLineOptions {
  readonly write: (text: string) => void | Promise<void>;
  /** Whether the terminal can be asked: its answers are read. */
  readonly asks: boolean;
  /** Called when it becomes free. */
  readonly freed: () => void;
  /** Called when something could not be written. */
  readonly failed: () => void;
  /** Monotonic clock, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** Makes the line; nothing is written yet. */
export function createPacedLine(options: PacedLineOptions): PacedLine {
  const { write, freed, failed, now = () => performance.now() } = options;
  /** `asking`: nothing is known of it yet. `silent`: it has not answered, and is not asked any more. */
  let terminal: "asking" | "answers" | "silent" = options.asks ? "asking" : "silent";
  /** What the line has not taken yet, and since when. */
  let taking: Promise<void> | undefined;
  let since = 0;
  /** Answers that are to come, to what was put last of this size, at this time. */
  let asked = 0;
  let size = 0;
  let wasPart = false;
  let askedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let part = FIRST_PART;
  let changed = () => {};

  const isFree = () => taking === undefined && asked === 0;
  function tell(): void {
    changed();
    if (isFree()) freed();
  }

  function start(text: string): void {
    let taken: void | Promise<void> = undefined;
    try {
      taken = write(text);
    } catch {
      failed();
    }
    if (!(taken instanceof Promise)) return;
    since = now();
    taking = taken.catch(failed).then(() => {
      taking = undefined;
      tell();
    });
  }

  function noAnswer(): void {
    asked = 0;
    if (terminal === "asking") terminal = "silent";
    tell();
  }

  return {
    get isFree() {
      return isFree();
    },
    get most() {
      return terminal === "answers" ? part : Infinity;
    },
    get isStuck() {
      return taking !== undefined && now() - since > STUCK_MS;
    },
    put(text, isPart = false) {
      if (terminal === "silent") return start(text);
      [asked, size, wasPart, askedAt] = [asked + 1, text.length, isPart, now()];
      clearTimeout(timer);
      timer = setTimeout(noAnswer, terminal === "asking" ? FIRST_MS : LOST_MS);
      start(text + ASK);
    },
    putLast(text) {
      asked = 0;
      start(text);
    },
    answered() {
      terminal = "answers";
      if (asked === 0 || --asked > 0) return;
      clearTimeout(timer);
      const ms = now() - askedAt;
      if (ms > 2 * PART_MS) part = Math.max(LEAST_PART, Math.min(part, size * PART_MS / ms));
      else if (wasPart) part = Math.min(MOST_PART, 2 * part);
      tell();
    },
    forget() {
      clearTimeout(timer);
      asked = 0;
      if (options.asks) terminal = "asking";
    },
    async settled() {
      if (!isFree()) {
        let late: ReturnType<typeof setTimeout> | undefined;
        await new Promise<void>((resolve) => {
          late = setTimeout(resolve, STUCK_MS);
          changed = () => isFree() && resolve();
        });
        clearTimeout(late);
        changed = () => {};
      }
      clearTimeout(timer);
      return taking === undefined;
    },
  };
}
