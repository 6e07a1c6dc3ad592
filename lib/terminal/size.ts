// How large the terminal is.

/** What a terminal has that does not say, like that of a serial line: rows and columns of a VT100. */
export const USUAL_SIZE = { columns: 80, rows: 24 };

/** Columns and rows of the terminal; `undefined`: standard output is none. */
export function terminalSize(): { columns: number; rows: number } | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || USUAL_SIZE.columns, rows: rows || USUAL_SIZE.rows };
  } catch {
    return USUAL_SIZE; // it has just gone
  }
}
