// From one page of the terminal to the next with as few bytes as will do: over a slow line a page
// of fifty programs of which one changed is a few dozen bytes, not four thousand.

import { textWidth } from "./text_width.ts";

/** One column of a line: the colours it has, and the character; "" behind one that is two wide. */
type Cell = { readonly paint: string; readonly char: string };

/** Equal columns between two changes that are cheaper written again than jumped over. */
const JUMP = 8;

function cells(line: string): Cell[] {
  const found: Cell[] = [];
  let paint = "";
  // deno-lint-ignore no-control-regex -- the colours are between the characters
  for (const [part, code] of line.matchAll(/\x1b\[([0-9;]*)m|[^]/gu)) {
    if (code !== undefined) {
      paint = code === "" || code === "0" ? "" : paint + part;
      continue;
    }
    const width = textWidth(part);
    const last = found.at(-1);
    if (width === 0 && last !== undefined) {
      found[found.length - 1] = { ...last, char: last.char + part };
      continue;
    }
    found.push({ paint, char: part });
    if (width === 2) found.push({ paint, char: "" });
  }
  return found;
}

function same(a: Cell | undefined, b: Cell | undefined): boolean {
  return a?.paint === b?.paint && a?.char === b?.char;
}

/** Where the line changes: from a column up to before another, 0 is the first. */
function changes(before: readonly Cell[], after: readonly Cell[]): [number, number][] {
  const runs: [number, number][] = [];
  for (let i = 0; i < after.length; i++) {
    if (same(before[i], after[i])) continue;
    const start = after[i]?.char === "" ? i - 1 : i;
    const last = runs.at(-1);
    if (last !== undefined && start - last[1] < JUMP) last[1] = i + 1;
    else runs.push([start, i + 1]);
  }
  return runs;
}

function written(part: readonly Cell[]): string {
  let text = "";
  let now = "";
  for (const { paint, char } of part) {
    if (paint !== now) text += (now === "" ? "" : "\x1b[0m") + paint;
    now = paint;
    text += char;
  }
  return now === "" ? text : `${text}\x1b[0m`;
}

/** A change of what a terminal shows, or a part of one. */
export interface Repaint {
  /** What to write. */
  readonly text: string;
  /** What the terminal shows then. */
  readonly shown: readonly string[];
  /** The first row that is still to come; `undefined`: there is none. */
  readonly left: number | undefined;
}

/** Rows at the foot of a page that come before the others: what a key is answered by stands there. */
const FOOT = 2;

/**
 * What to write so that a terminal that shows `before` shows `after`; `""` if they are the same. No
 * line may be wider than the terminal. An empty `before` is an empty terminal.
 *
 * @param most No row is begun when there are this many characters. Default: all are written.
 * @param from The row to begin with, so that where parts do not come to an end each row has its turn.
 */
export function repaint(
  before: readonly string[],
  after: readonly string[],
  most = Infinity,
  from = 0,
): Repaint {
  const count = Math.max(before.length, after.length);
  const shown = Array.from({ length: count }, (_, row) => before[row] ?? "");
  const body = Math.max(0, after.length - FOOT);
  const foot = Array.from({ length: after.length - body }, (_, i) => body + i);
  const others = Array.from({ length: count }, (_, i) => (from + i) % count)
    .filter((row) => row < body || row >= after.length);
  let text = "";
  for (const row of most === Infinity ? shown.keys() : [...foot, ...others]) {
    if (shown[row] === (after[row] ?? "")) continue;
    if (text.length >= most) return { text, shown, left: row };
    const old = cells(shown[row] ?? "");
    const now = cells(after[row] ?? "");
    for (const [from, to] of changes(old, now)) {
      text += `\x1b[${row + 1};${from + 1}H${written(now.slice(from, to))}`;
    }
    if (now.length < old.length) text += `\x1b[${row + 1};${now.length + 1}H\x1b[K`;
    shown[row] = after[row] ?? "";
  }
  return { text, shown: [...after], left: undefined };
}
