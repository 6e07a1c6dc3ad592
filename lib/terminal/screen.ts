// The terminal as a whole page that is redrawn in place, and its keys. It is given back as it was
// after every way of ending but SIGKILL.
//
// A terminal may take its time, as over a modem, or take nothing any more, as through an ssh whose
// network is gone: nothing waits for it. Over a slow line only what is newest is written, in parts.

import type { Key } from "./keys.ts";
import { readKeyboard, setRaw } from "./keyboard.ts";
import { createPacedLine, STUCK_MS } from "./paced_line.ts";
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
  /** Called at Ctrl-Z. Default: the terminal is given back, and this process halts until `fg`. */
  readonly onHalt?: () => void;
}

const encoder = new TextEncoder();

async function writeAll(text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
}

// 2004: what is pasted comes between marks, and is not taken for keys.
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[H\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l";
const EMPTY = "\x1b[0m\x1b[2J";
/** A change of fewer characters than this is shown in one piece by every terminal. */
const SMALL = 200;
/** Writes a text to standard output, unless that takes nothing any more. */
export async function writeUnlessStuck(text: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, STUCK_MS));
  await Promise.race([writeAll(text).catch(() => {}), late]);
  clearTimeout(timer);
}

/**
 * Takes the terminal: its other page, without a cursor; with `onKey` the keyboard too, if standard
 * input is a terminal.
 */
export function openScreen(options: ScreenOptions = {}): Screen {
  const { onKey, onResize, onHalt, write = writeAll } = options;
  const takesKeys = onKey !== undefined && Deno.stdin.isTerminal();
  let open = true;
  /** Stopped by Ctrl-Z: the terminal is somebody else's. */
  let away = false;
  let shown: readonly string[] = [];
  /** What is written before the next change. */
  let first = "";
  /** What is to be shown, if that is not what is shown. */
  let next: readonly string[] | undefined;
  /** The row with which the next part begins. */
  let from = 0;

  // A terminal that is gone (its window closed, ssh lost) cannot be written to, and that is no error.
  const failed = () => void (shown = []);
  const line = createPacedLine({ write, asks: takesKeys, freed: () => show(), failed });

  /** Writes what is newest, or a part of it, if the terminal has shown all that came before. */
  function show(): void {
    if (next === undefined || away || !line.isFree) return;
    const lines = next;
    const change = repaint(shown, lines, line.most, from);
    shown = change.shown;
    from = change.left ?? 0;
    const isPart = change.left !== undefined;
    if (!isPart) next = undefined;
    const { text } = change;
    if (first + text === "") return;
    // In one write, and a large one between the marks of a whole change: no terminal shows half of it.
    const isSmall = text.length < SMALL || isPart;
    const all = first + (isSmall ? text : `\x1b[?2026h${text}\x1b[?2026l`);
    first = "";
    line.put(all, isPart);
    show();
  }

  const take = () => {
    away = false;
    shown = [];
    first = ENTER;
    if (!takesKeys) return;
    setRaw(true);
    // By itself: how long its answer takes tells of the line before a page is on it.
    line.forget();
    line.put(ENTER);
    first = "";
  };
  async function giveBack(): Promise<void> {
    next = undefined;
    // Its settings too change only when it has taken all that was written: that would hold us up.
    if (!await line.settled()) return;
    line.putLast(LEAVE);
    if (await line.settled() && takesKeys) setRaw(false);
  }

  // The only signals that are listened to outside of the main program: they are the terminal's own.
  const signals: [Deno.Signal, () => void][] = Deno.build.os === "windows" ? [] : [
    ["SIGWINCH", () => {
      screen.forget();
      onResize?.();
    }],
    [
      "SIGTSTP",
      onHalt ?? (async () => {
        // Ctrl-Z: the shell is to have its terminal as it was.
        away = true;
        await giveBack();
        Deno.kill(Deno.pid, "SIGSTOP");
      }),
    ],
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
    for (const [signal, handler] of signals) Deno.removeSignalListener(signal, handler);
    for (const type of ends) globalThis.removeEventListener(type, closeNow);
  }

  /** However the program ends: Deno.exit, an error that nobody caught. Nothing can be waited for. */
  function closeNow(): void {
    if (!open) return;
    letGo();
    if (line.isStuck) return;
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
      next = lines;
      show();
    },
    forget() {
      shown = [];
      if (first === "") first = EMPTY;
    },
    async close() {
      if (!open) return;
      letGo();
      await giveBack();
      stopReading();
    },
    [Symbol.asyncDispose]: () => screen.close(),
  };
  const stopReading = takesKeys
    ? readKeyboard((key) => open && onKey(key), () => line.answered())
    : () => {};
  take();
  for (const [signal, handler] of signals) Deno.addSignalListener(signal, handler);
  for (const type of ends) globalThis.addEventListener(type, closeNow);
  return screen;
}
