// The terminal as a whole page that is redrawn in place, and its keys. It is given back as it was
// after every way of ending but SIGKILL.
//
// A terminal may take its time, as over a modem, or take nothing any more, as through an ssh whose
// network is gone: nothing waits for it. The next page is written once it has taken the one before.

import { type Key, readKeys } from "./keys.ts";
import { repaint } from "./paint.ts";

/** A page of the terminal; what was on the terminal before comes back when it is closed. */
export interface Screen extends AsyncDisposable {
  /**
   * Shows these lines in the place of those before, as soon as the terminal takes them; none may be
   * wider than the terminal.
   */
  draw(lines: readonly string[]): void;
  /** The next {@linkcode draw} writes everything, whatever is on the terminal. */
  forget(): void;
  /**
   * Gives the terminal back; resolves when that has it, or takes nothing any more. Closing again does
   * nothing.
   */
  close(): Promise<void>;
}

/** Options of {@linkcode openScreen}. */
export interface ScreenOptions {
  /** Takes each change as one text, in its time. Default: standard output. */
  readonly write?: (text: string) => void | Promise<void>;
  /** Called for each key. Default: the keyboard is left as it is. */
  readonly onKey?: (key: Key) => void;
  /** Called when the terminal has another size, or shows something else. */
  readonly onResize?: () => void;
}

const encoder = new TextEncoder();

async function writeAll(text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l";
const EMPTY = "\x1b[0m\x1b[2J";
/** A change of fewer characters than this is shown in one piece by every terminal. */
const SMALL = 200;
/** A terminal that has not taken something for so long takes nothing any more, in milliseconds. */
const STUCK_MS = 1000;

/** Resolves when it has happened, or after {@linkcode STUCK_MS}. */
async function orStuck(taken: Promise<void> | undefined): Promise<void> {
  if (taken === undefined) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, STUCK_MS));
  await Promise.race([taken, late]);
  clearTimeout(timer);
}

/** Writes a text to standard output, unless that takes nothing any more. */
export async function writeUnlessStuck(text: string): Promise<void> {
  await orStuck(writeAll(text).catch(() => {}));
}

/** Keys one by one, unseen; Ctrl-C stays a signal. */
function setRaw(raw: boolean): void {
  try {
    Deno.stdin.setRaw(raw, { cbreak: raw && Deno.build.os !== "windows" });
  } catch {
    // the terminal is gone
  }
}

/** Calls the handler for each key until the function that it returns is called. */
function readKeyboard(onKey: (key: Key) => void): () => void {
  const reader = Deno.stdin.readable.getReader();
  const decoder = new TextDecoder();
  (async () => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        for (const key of readKeys(decoder.decode(value, { stream: true }))) onKey(key);
      }
    } catch {
      // closed, or the terminal is gone
    }
  })();
  return () => void reader.cancel().catch(() => {});
}

/**
 * Takes the terminal: its other page, without a cursor; with `onKey` the keyboard too, if standard
 * input is a terminal.
 */
export function openScreen(options: ScreenOptions = {}): Screen {
  const { onKey, onResize, write = writeAll } = options;
  const takesKeys = onKey !== undefined && Deno.stdin.isTerminal();
  let open = true;
  /** Stopped by Ctrl-Z: the terminal is somebody else's. */
  let away = false;
  let shown: readonly string[] = [];
  /** What is written before the next change. */
  let first = "";
  /** What is to be shown when the terminal has taken the change before. */
  let next: readonly string[] | undefined;
  /** A change that it has not taken yet, and since when. */
  let taking: Promise<void> | undefined;
  let since = 0;

  /** A terminal that is gone (its window closed, ssh lost) cannot be written to, and that is no error. */
  function put(text: string): void {
    let taken: void | Promise<void> = undefined;
    try {
      taken = write(text);
    } catch {
      shown = [];
    }
    if (!(taken instanceof Promise)) return;
    since = performance.now();
    taking = taken.catch(() => void (shown = [])).then(() => {
      taking = undefined;
      if (next !== undefined) screen.draw(next);
    });
  }

  const take = () => {
    away = false;
    if (takesKeys) setRaw(true);
    shown = [];
    first = ENTER;
  };
  async function giveBack(): Promise<void> {
    next = undefined;
    await orStuck(taking);
    // Its settings too change only when it has taken all that was written: that would hold us up.
    if (taking !== undefined) return;
    put(LEAVE);
    await orStuck(taking);
    if (takesKeys && taking === undefined) setRaw(false);
  }

  // The only signals that are listened to outside of the main program: they are the terminal's own.
  const signals: [Deno.Signal, () => void][] = Deno.build.os === "windows" ? [] : [
    ["SIGWINCH", () => {
      screen.forget();
      onResize?.();
    }],
    // Ctrl-Z: the shell is to have its terminal as it was.
    ["SIGTSTP", async () => {
      away = true;
      await giveBack();
      Deno.kill(Deno.pid, "SIGSTOP");
    }],
    ["SIGCONT", () => {
      take();
      onResize?.();
    }],
    ["SIGQUIT", async () => {
      await screen.close();
      Deno.exit(131); // as a shell counts it: 128 and the signal's number
    }],
  ];

  function letGo(): void {
    open = false;
    stopReading();
    for (const [signal, handler] of signals) Deno.removeSignalListener(signal, handler);
    for (const type of ends) globalThis.removeEventListener(type, closeNow);
  }

  /** However the program ends: Deno.exit, an error that nobody caught. Nothing can be waited for. */
  function closeNow(): void {
    if (!open) return;
    letGo();
    if (taking !== undefined && performance.now() - since > STUCK_MS) return;
    if (takesKeys) setRaw(false);
    try {
      if (options.write === undefined) Deno.stdout.writeSync(encoder.encode(LEAVE));
      else options.write(LEAVE);
    } catch {
      // it is gone
    }
  }
  const ends = ["unload", "error", "unhandledrejection"] as const;

  const screen: Screen = {
    draw(lines) {
      if (!open || away) return;
      next = undefined;
      if (taking !== undefined) return void (next = lines);
      const change = repaint(shown, lines);
      shown = [...lines];
      if (first + change === "") return;
      // In one write, and a large one between the marks of a whole change: no terminal shows half of it.
      const isSmall = change.length < SMALL;
      put(first + (isSmall ? change : `\x1b[?2026h${change}\x1b[?2026l`));
      first = "";
    },
    forget() {
      shown = [];
      if (first === "") first = EMPTY;
    },
    async close() {
      if (!open) return;
      letGo();
      await giveBack();
    },
    [Symbol.asyncDispose]: () => screen.close(),
  };
  take();
  for (const [signal, handler] of signals) Deno.addSignalListener(signal, handler);
  for (const type of ends) globalThis.addEventListener(type, closeNow);
  const stopReading = takesKeys ? readKeyboard((key) => open && onKey(key)) : () => {};
  return screen;
}
