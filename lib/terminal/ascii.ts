// Terminals that show ASCII alone, as that of a serial line or of LANG=C. Pure.

import { textWidth } from "./text_width.ts";

/** What stands for the table's own characters; its words say the same as its shapes. */
const INSTEAD: { readonly [char: string]: string } = {
  "●": "*",
  "◑": "+",
  "◐": "^",
  "◌": ".",
  "◒": "v",
  "○": "-",
  "□": "=",
  "↻": "!",
  "✖": "X",
  "▲": "!",
  "›": ">",
  "…": "~",
  "→": ">",
  "×": "x",
  "·": ".",
};

/** The line with other characters than ASCII replaced, each by as many as it is wide. */
export function asciiOnly(line: string): string {
  return line.replaceAll(/[^\0-\x7f]/gu, (char) => INSTEAD[char] ?? "?".repeat(textWidth(char)));
}

/** Whether a terminal shows other characters than ASCII, by the variables of its user's locale. */
export function showsUnicode(variable: (name: string) => string | undefined): boolean {
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).find((one) => (one ?? "") !== "");
  if (locale !== undefined) return /utf-?8/i.test(locale);
  // Nobody says: what is no terminal of a museum can.
  return !/^(vt\d|ansi|dumb)/.test(variable("TERM") ?? "");
}
