// What a terminal sends when somebody presses a key, as names of keys.

/** A key with a name; any other key is the character it writes. */
export const NAMED_KEYS = [
  "up",
  "down",
  "pageup",
  "pagedown",
  "home",
  "end",
  "enter",
  "escape",
  "backspace",
  "ctrl-c",
  "ctrl-l",
  "paste",
] as const;
/** One of {@linkcode NAMED_KEYS}, or one character. */
export type Key = typeof NAMED_KEYS[number] | string;

const SEQUENCES: { readonly [rest: string]: Key } = {
  "[A": "up",
  "OA": "up",
  "[B": "down",
  "OB": "down",
  "[5~": "pageup",
  "[6~": "pagedown",
  "[H": "home",
  "OH": "home",
  "[1~": "home",
  "[F": "end",
  "OF": "end",
  "[4~": "end",
  "[200~": "paste",
};
/** Around what is pasted, where the terminal was asked to say so. */
const PASTE = "\x1b[200~", PASTED = "\x1b[201~";
const CONTROLS: { readonly [char: string]: Key } = {
  "\r": "enter",
  "\n": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "ctrl-c",
  "\x0c": "ctrl-l",
};

/**
 * The keys in what was read at once. Escape sequences that mean nothing here are no keys; an escape
 * with nothing of a sequence behind it is the key itself.
 */
export function readKeys(text: string): Key[] {
  const keys: Key[] = [];
  for (let rest = text; rest !== "";) {
    // deno-lint-ignore no-control-regex -- escape is what begins a sequence
    const sequence = /^\x1b(\[[0-9;?]*[ -/]*[@-~]|O[A-Za-z])/.exec(rest);
    if (sequence !== null) {
      const key = SEQUENCES[sequence[1] ?? ""];
      if (key !== undefined) keys.push(key);
      rest = rest.slice(sequence[0].length);
      continue;
    }
    const [char = ""] = rest;
    if (char === "\x1b") keys.push("escape");
    else if (CONTROLS[char] !== undefined) keys.push(CONTROLS[char]);
    else if (char >= " ") keys.push(char);
    rest = rest.slice(char.length);
  }
  return keys;
}

/**
 * What was typed without what was pasted, of which only its begin is left, for the key `paste`: a text
 * is no order. `isPasting`: the end of this one has not come yet, and whether that of another had not.
 */
export function withoutPasted(
  typed: string,
  isPasting: boolean,
): { readonly text: string; readonly isPasting: boolean } {
  let text = "";
  for (;;) {
    const mark = isPasting ? PASTED : PASTE;
    const at = typed.indexOf(mark);
    if (at < 0) return { text: isPasting ? text : text + typed, isPasting };
    if (!isPasting) text += typed.slice(0, at) + PASTE;
    typed = typed.slice(at + mark.length);
    isPasting = !isPasting;
  }
}

/** The end of what was typed, if that is the begin of an escape sequence; else `""`. */
export function openSequence(typed: string): string {
  // deno-lint-ignore no-control-regex -- escape is what begins a sequence
  return /\x1b(\[[0-9;?]*|O)?$/.exec(typed)?.[0] ?? "";
}
