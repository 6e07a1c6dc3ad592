// Text of somebody of whom nothing is known, made fit for a terminal, a log and an error: on one line,
// without characters that do something, and no longer than is good.

const ESCAPES: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

// C0, DEL, C1, and what changes the direction of text or has no width.
// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text without control characters: those are written as `\n`, `\t`, `\x1b`, `\u202e`. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (c) => {
    const code = c.charCodeAt(0);
    return ESCAPES[c] ??
      (code < 256
        ? `\\x${code.toString(16).padStart(2, "0")}`
        : `\\u${code.toString(16).padStart(4, "0")}`);
  });
}

/** A text without control characters, cut behind so many; then it says how many there were. */
export function plainText(text: string, most: number): string {
  if (text.length <= most) return escapeControls(text);
  // Not in the middle of a pair of surrogates.
  const end = text.charCodeAt(most - 1) >> 10 === 0x36 ? most - 1 : most;
  return `${escapeControls(text.slice(0, end))}… (${text.length} characters)`;
}

/** JSON whose strings have no control characters either, as it was; read again it is the same. */
export function plainJson(json: string): string {
  return json.replace(CONTROLS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
