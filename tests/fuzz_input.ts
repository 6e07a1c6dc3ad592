// Random input for fuzz tests: near the things that matter, and now and then not that at all.

import type { Random } from "../lib/sim/random.ts";

/** One of them. */
export function oneOf<T>(pick: Random, list: readonly T[]): T {
  return list[Math.floor(pick() * list.length)] as T;
}

/** A whole number from 0 to below `n`. */
export function below(pick: Random, n: number): number {
  return Math.floor(pick() * n);
}

const CHARACTERS = [
  "to",
  "_",
  "*",
  "/",
  "ä",
  "€",
  "😀",
  '\\"',
  "\\\\",
  "\\u0061",
  "\\ud800",
  "\\ud83d\\ude00",
  "\\n",
  "\\",
  "}",
  "{",
  '"',
  "\u007f",
  "\u0080",
  "\u2028",
  "\t",
  "\u001f",
];
const NUMBERS = [
  "0",
  "-0",
  "1",
  "12.5",
  "-1e3",
  "1E+9",
  "01",
  "1.",
  ".5",
  "+1",
  "-",
  "1e",
  "1e999",
  "-1e999",
  "1e-999",
  "123456789012",
  "12345678901234567890123",
  "0x1",
  "NaN",
  "Infinity",
];
const KEYS = [
  '"cmd"',
  '"to"',
  '"topic"',
  '"from"',
  '"time"',
  '"id"',
  '"re"',
  '"v"',
  '"x"',
  '"ack"',
  '"retain"',
  '"__proto__"',
  '"constructor"',
  '"t\\u006f"',
  '"\\u0066rom"',
];
const SPLICES = ["", "", "{", "}", '"', ",", ":", "\\", "0", "\u0000", "[", "]", ',"from":"evil"'];

/**
 * Text that is a JSON object more often than not; strings are long enough for every way in which
 * they are read.
 */
export function randomJson(pick: Random): string {
  const one = <T>(list: readonly T[]): T => oneOf(pick, list);
  const space = () =>
    pick() < 0.1 ? one([" ", "\t", "  ", "\n", "\r", "\f", "\u00a0", "\ufeff"]) : "";
  const plain = (n: number) => "abcdefghijklmnopqrstuvwxyz0123456789".slice(0, n);
  const string = (): string => {
    if (pick() < 0.5) return `"${plain(below(pick, 36))}"`;
    const parts = Array.from(
      { length: below(pick, 4) },
      () => pick() < 0.6 ? plain(below(pick, 14)) : one(CHARACTERS),
    );
    return `"${parts.join("")}"`;
  };
  const value = (depth: number): string => {
    const kind = below(pick, depth > 0 ? 9 : 6);
    if (kind < 3) return string();
    if (kind === 3) return one(NUMBERS);
    if (kind === 4) return one(["true", "false", "null", "nul", "True", "undefined"]);
    if (kind === 5) return '"plain"';
    const items = Array.from(
      { length: below(pick, 3) },
      () => kind === 6 ? value(depth - 1) : pair(depth - 1),
    );
    return kind === 6 ? `[${items.join(",")}]` : `{${space()}${items.join("," + space())}}`;
  };
  const pair = (depth: number): string => {
    const name = pick() < 0.8 ? one(KEYS) : string();
    const given = pick() < 0.6
      ? (name === '"time"' ? one(NUMBERS) : one(['"name"', '"a"', '"b"', '"a/b"', '"*"']))
      : value(depth);
    return `${name}${space()}:${space()}${given}`;
  };
  const pairs = Array.from({ length: below(pick, 5) }, () => pair(3));
  if (pick() < 0.8) pairs.unshift('"cmd":"x"');
  if (pick() < 0.002) {
    const deep = 60 + below(pick, 8);
    pairs.push(`"deep":${"[".repeat(deep)}${"]".repeat(deep)}`);
  }
  let text = `{${space()}${pairs.join(one([",", ",", ",", ", ", ",,"]))}${space()}}`;
  if (pick() < 0.3) {
    const at = below(pick, text.length);
    text = text.slice(0, at) + one(SPLICES) + text.slice(at + below(pick, 2));
  }
  if (pick() < 0.01) text = `\ufeff${text}`;
  return text;
}

/** The bytes, often as they are, else with some changed, cut off, put in or twice. */
export function mutated(pick: Random, bytes: Uint8Array, chance = 0.5): Uint8Array {
  if (bytes.length === 0 || pick() >= chance) return bytes;
  const at = below(pick, bytes.length);
  switch (below(pick, 5)) {
    case 0:
      return bytes.slice(0, at);
    case 1: {
      const changed = bytes.slice();
      changed[at] = below(pick, 256);
      return changed;
    }
    case 2: {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1 << below(pick, 8);
      return changed;
    }
    case 3:
      return Uint8Array.of(...bytes.subarray(0, at), below(pick, 256), ...bytes.subarray(at));
    default: {
      const end = at + below(pick, bytes.length - at);
      return Uint8Array.of(...bytes.subarray(0, end), ...bytes.subarray(at));
    }
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The same for text. */
export function mutatedText(pick: Random, text: string, chance = 0.5): string {
  return decoder.decode(mutated(pick, encoder.encode(text), chance));
}
