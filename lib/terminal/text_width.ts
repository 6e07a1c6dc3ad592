// How wide texts are on a terminal, and texts made as wide as there is room. Pure.

function charWidth(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (/^\p{M}$/u.test(char)) return 0;
  const wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

/** How many columns of a terminal a text takes, if it has no control characters. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** The text in lines of at most this width. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const char of text) {
    const more = charWidth(char);
    if (used + more > Math.max(2, width)) {
      lines.push(line);
      line = "";
      used = 0;
    }
    line += char;
    used += more;
  }
  return [...lines, line];
}

/** The same, broken at blanks where there are some; what follows is indented as the first line is. */
export function wrapWords(text: string, width: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let line = indent;
  for (const word of text.slice(indent.length).split(" ")) {
    const longer = line.trim() === "" ? line + word : `${line} ${word}`;
    if (textWidth(longer) <= width || line.trim() === "") line = longer;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line].flatMap((one) => wrapText(one, width));
}

/** The text cut to a width, with "…" in the place of what is missing. */
export function cutText(text: string, width: number): string {
  if (width <= 0) return "";
  if (textWidth(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (const char of text) {
    const more = charWidth(char);
    if (used + more > width - 1) break;
    cut += char;
    used += more;
  }
  return `${cut}…`;
}
