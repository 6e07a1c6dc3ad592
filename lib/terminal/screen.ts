// The terminal as a whole page that is redrawn in place.

/** A page of the terminal; what was on the terminal before comes back when it is closed. */
export interface Screen extends Disposable {
  /** Shows these lines in the place of those before; none may be wider than the terminal. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back. Closing again does nothing. */
  close(): void;
}

const encoder = new TextEncoder();

function writeAll(text: string): void {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/**
 * Takes the terminal: its other page, without a cursor.
 *
 * @param write Takes each change as one text. Default: standard output.
 */
export function openScreen(write: (text: string) => void = writeAll): Screen {
  let open = true;
  write("\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J");
  const screen: Screen = {
    draw(lines) {
      if (!open) return;
      // Each line's old text is cleared just before the new is written, in one write: nothing is
      // seen blank between. Clearing behind it would take the last cell of a line that is full.
      const body = lines.map((line) => `\x1b[K${line}\x1b[0m`).join("\r\n");
      // Lines of before that are below go first: behind a full last line the cursor stands on it.
      const below = lines.length === 0 ? "\x1b[J" : `\x1b[${lines.length};1H\x1b[J`;
      write(`\x1b[?2026h${below}\x1b[H${body}\x1b[?2026l`);
    },
    close() {
      if (!open) return;
      open = false;
      write("\x1b[0m\x1b[?25h\x1b[?1049l");
    },
    [Symbol.dispose]() {
      screen.close();
    },
  };
  return screen;
}
