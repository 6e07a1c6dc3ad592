import { assert, assertEquals } from "@std/assert";
import { seeded } from "../sim/random.ts";
import { repaint } from "./paint.ts";
import { textWidth } from "./table.ts";

/** A terminal that knows what repaint writes, and nothing else. */
class Terminal {
  readonly rows: string[][];
  constructor(readonly columns: number, rows: number) {
    this.rows = Array.from({ length: rows }, () => []);
  }
  write(text: string): void {
    let [row, column, paint] = [0, 0, ""];
    // deno-lint-ignore no-control-regex -- what is written to a terminal
    for (const [part, at, code] of text.matchAll(/\x1b\[([0-9;]*)([A-Za-z])|[^]/gu)) {
      if (code === "H") {
        const [r, c] = (at ?? "").split(";").map(Number);
        [row, column] = [(r ?? 1) - 1, (c ?? 1) - 1];
      } else if (code === "K") {
        this.rows[row]?.splice(column);
      } else if (code === "m") {
        paint = at === "0" ? "" : paint + part;
      } else {
        assert(code === undefined, `it writes ${JSON.stringify(part)}`);
        const line = this.rows[row];
        const width = textWidth(part);
        assert(line !== undefined && column + width <= this.columns, "it writes outside");
        while (line.length < column) line.push(" ");
        if (width === 0) line[column - 1] += part;
        else line[column] = paint + part;
        if (width === 2) line[column + 1] = "";
        column += width;
      }
    }
    assertEquals(paint, "", "the colour is not switched off at the end");
  }
  shows(): string[] {
    return this.rows.map((line) => line.join("").trimEnd());
  }
}

/** What a terminal shows that these lines were written to whole. */
function whole(lines: readonly string[], columns: number, rows: number): string[] {
  const terminal = new Terminal(columns, rows);
  for (const [i, line] of lines.entries()) terminal.write(`\x1b[${i + 1};1H${line}\x1b[0m`);
  return terminal.shows();
}

Deno.test("repaint: any page to any other, seeded", () => {
  const random = seeded(7);
  const pick = <T>(all: readonly T[], otherwise: T) =>
    all[Math.floor(random() * all.length)] ?? otherwise;
  const parts = ["a", "bc ", "漢字", "e\u0301", "\x1b[1m", "\x1b[32m", "\x1b[0m", "     ", "…"];
  // deno-lint-ignore no-control-regex -- the colours
  const plain = (line: string) => line.replace(/\x1b\[[0-9;]*m/g, "");
  const line = () => {
    let text = "";
    for (let n = Math.floor(random() * 14); n > 0; n--) {
      const more = pick(parts, "a");
      if (textWidth(plain(text + more)) <= 20) text += more;
    }
    return text + "\x1b[0m";
  };
  const terminal = new Terminal(20, 5);
  let before: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const after = Array.from(
      { length: Math.floor(random() * 6) },
      (_, row) => random() < 0.3 ? before[row] ?? "" : line(),
    );
    terminal.write(repaint(before, after));
    assertEquals(terminal.shows(), whole(after, 20, 5), JSON.stringify({ before, after }));
    before = after;
  }
});

Deno.test("repaint: nothing for nothing new; a second more is a few bytes", () => {
  const page = (seconds: number) =>
    Array.from({ length: 50 }, (_, i) => `program${i}  ● ready  ${seconds}s  ${"x".repeat(60)}`);
  assertEquals(repaint(page(11), page(11)), "");
  const second = repaint(page(11), page(12));
  assert(second.length < 50 * 12, `${second.length} bytes`);
  const one = page(11);
  one[7] = "program7  ✖ fatal  1s";
  assert(repaint(page(11), one).length < 60, repaint(page(11), one));
});
