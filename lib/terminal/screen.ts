// The terminal as a whole page that is redrawn in place, and its keys. It is given back as it was
// after every way of ending but SIGKILL.

import { type Key, readKeys } from "./keys.ts";
import { repaint } from "./paint.ts";

/** A page of the terminal; what was on the terminal before comes back when it is closed. */
export interface Screen extends Disposable {
  /** Shows these lines in the place of those before; none may be wider than the terminal. */
  draw(lines: readonly string[]): void;
  /** The next {@linkcode draw} writes everything, whatever is on the terminal. */
  forget(): void;
  /** Gives the terminal back. Closing again does nothing. */
  close(): void;
}

/** Options of {@linkcode openScreen}. */
export interface ScreenOptions {
  /** Takes each change as one text. Default: standard output. */
  readonly write?: (text: string) => void;
  /** Called for each key. Default: the keyboard is left as it is. */
  readonly onKey?: (key: Key) => void;
  /** Called when the terminal has another size, or shows something else. */
  readonly onResize?: () => void;
}

const encoder = new TextEncoder();

function writeAll(text: string): void {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l";

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
  let shown: readonly string[] = [];
  /** A terminal that is gone (its window closed, ssh lost) cannot be written to, and that is no error. */
  const tryWrite = (text: string) => {
    try {
      write(text);
    } catch {
      shown = [];
    }
  };

  const take = () => {
    if (takesKeys) setRaw(true);
    shown = [];
    tryWrite(ENTER);
  };
  const giveBack = () => {
    if (takesKeys) setRaw(false);
    tryWrite(LEAVE);
  };

  // The only signals that are listened to outside of the main program: they are the terminal's own.
  const signals: [Deno.Signal, () => void][] = Deno.build.os === "windows" ? [] : [
    ["SIGWINCH", () => {
      screen.forget();
      onResize?.();
    }],
    // Ctrl-Z: the shell is to have its terminal as it was.
    ["SIGTSTP", () => {
      giveBack();
      Deno.kill(Deno.pid, "SIGSTOP");
    }],
    ["SIGCONT", () => {
      take();
      onResize?.();
    }],
    ["SIGQUIT", () => {
      screen.close();
      Deno.exit(131); // as a shell counts it: 128 and the signal's number
    }],
  ];
  /** However the program ends: Deno.exit, an error that nobody caught. */
  const close = () => screen.close();
  const ends = ["unload", "error", "unhandledrejection"] as const;

  const screen: Screen = {
    draw(lines) {
      if (!open) return;
      const change = repaint(shown, lines);
      shown = [...lines];
      // In one write, and between the marks of a whole change: no terminal shows half of it.
      if (change !== "") tryWrite(`\x1b[?2026h${change}\x1b[?2026l`);
    },
    forget() {
      if (!open) return;
      shown = [];
      tryWrite("\x1b[0m\x1b[2J");
    },
    close() {
      if (!open) return;
      open = false;
      stopReading();
      for (const [signal, handler] of signals) Deno.removeSignalListener(signal, handler);
      for (const type of ends) globalThis.removeEventListener(type, close);
      giveBack();
    },
    [Symbol.dispose]() {
      screen.close();
    },
  };
  take();
  for (const [signal, handler] of signals) Deno.addSignalListener(signal, handler);
  for (const type of ends) globalThis.addEventListener(type, close);
  const stopReading = takesKeys ? readKeyboard((key) => open && onKey(key)) : () => {};
  return screen;
}
