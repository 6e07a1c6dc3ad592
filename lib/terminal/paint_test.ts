import { assert, assertEquals } from "@std/assert";
import { seeded } from "../sim/random.ts";
import { repaint } from "./paint.ts";
import { textWidth } from "./text_width.ts";

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
    terminal.write(repaint(before, after).text);
    assertEquals(terminal.shows(), whole(after, 20, 5), JSON.stringify({ before, after }));
    before = after;
  }
});

Deno.test("repaint: nothing for nothing new; a second more is a few bytes", () => {
  const page = (seconds: number) =>
    Array.from({ length: 50 }, (_, i) => `program${i}  ● ready  ${seconds}s  ${"x".repeat(60)}`);
  assertEquals(repaint(page(11), page(11)).text, "");
  const second = repaint(page(11), page(12)).text;
  assert(second.length < 50 * 12, `${second.length} bytes`);
  const one = page(11);
  one[7] = "program7  ✖ fatal  1s";
  const { text } = repaint(page(11), one);
  assert(text.length < 60, text);
});

Deno.test("repaint in parts: the foot first, each row in its turn, and the newest page in the end", () => {
  const rows = 12;
  const page = (n: number) => Array.from({ length: rows }, (_, i) => `row ${i} of page ${n}`);
  const terminal = new Terminal(40, rows);
  let shown: readonly string[] = [];
  let from = 0;
  const turns = new Set<string>();
  // All of it changes at each part: what is begun is never finished.
  for (let n = 0; n < 12; n++) {
    const change = repaint(shown, page(n), 60, from);
    terminal.write(change.text);
    ({ shown } = change);
    from = change.left ?? 0;
    assertEquals(terminal.shows(), shown.map((line) => line.trimEnd()));
    assertEquals(shown.slice(-2), page(n).slice(-2));
    assert(change.text.length < 60 + 40, change.text);
    for (const line of shown) turns.add(line.replace(/ of.*/, ""));
  }
  assertEquals(turns.size, rows + 1); // and what was empty at first
  let parts = 0;
  for (let left: number | undefined = from; left !== undefined; parts++) {
    const change = repaint(shown, page(99), 60, left);
    terminal.write(change.text);
    ({ shown, left } = change);
  }
  assert(parts > 1, `${parts}`);
  assertEquals(terminal.shows(), page(99));
  const gone = repaint(page(1), page(1).slice(0, 3), 10);
  assertEquals([gone.shown.length, gone.left], [rows, 5]);
});
