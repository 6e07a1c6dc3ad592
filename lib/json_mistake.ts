// What is wrong with a text that is no JSON, without a word of the text itself: a key may be in it,
// and what is said of it goes into logs.

/** What the engine says where it quotes nothing. */
const QUOTES_NOTHING = /^[^"]* at position \d+( \(line \d+ column \d+\))?$/;

/** A number or a word of JSON. */
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** Where the first character is that cannot be there; the text's length if it only ends too early. */
function placeOfMistake(text: string): number {
  /** The brackets that are open. */
  const open: string[] = [];
  let wants: "value" | "value or ]" | "key" | "key or }" | "colon" | "end" = "value";
  let i = 0;
  while (i < text.length) {
    const c = text[i] ?? "";
    const begins: boolean = wants === "value" || wants === "value or ]";
    if (" \t\r\n".includes(c)) i++;
    else if (c === '"' && (begins || wants.startsWith("key"))) {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
      i++;
      wants = begins ? "end" : "colon";
    } else if (c === ":" && wants === "colon") {
      i++;
      wants = "value";
    } else if (c === "," && wants === "end" && open.length > 0) {
      i++;
      wants = open.at(-1) === "{" ? "key" : "value";
    } else if ((c === "{" || c === "[") && begins) {
      i++;
      open.push(c);
      wants = c === "{" ? "key or }" : "value or ]";
    } else if (
      (c === "}" && open.at(-1) === "{" && (wants === "end" || wants === "key or }")) ||
      (c === "]" && open.at(-1) === "[" && (wants === "end" || wants === "value or ]"))
    ) {
      i++;
      open.pop();
      wants = "end";
    } else {
      SCALAR.lastIndex = i;
      if (!begins || !SCALAR.test(text)) return i;
      i = SCALAR.lastIndex;
      wants = "end";
    }
  }
  return text.length;
}

/**
 * What is wrong with a text that `JSON.parse` does not take, and where: "Unexpected character at
 * position 8". Positions count from 0. Nothing of the text is quoted.
 *
 * @param error What `JSON.parse` threw.
 */
export function describeJsonMistake(text: string, error: unknown): string {
  const said = error instanceof Error ? error.message : "";
  if (QUOTES_NOTHING.test(said)) return said;
  const place = placeOfMistake(text);
  return place >= text.length ? "it ends too early" : `Unexpected character at position ${place}`;
}

/** What is often written for JSON, in a text whose strings are empty, and what to write instead. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  [/\u0000/, "it has zero bytes, as UTF-16 has: send UTF-8"],
  [/(?:^|[:,[\s-])(?:nan|inf|infinity)\b/i, "JSON has no NaN or Infinity: send null"],
  [/:\s*-?\d+,\s*\d/, "a number has a decimal point, no comma"],
  [/\b(?:None|True|False)\b/, "JSON has null, true and false, in small letters"],
  [/[{[,:]\s*'/, 'JSON has double quotes (") alone'],
];

/**
 * What to do about a text that `JSON.parse` does not take, in words that follow a semicolon, where its
 * mistake is one of those that many make; else `undefined`. Nothing of the text is quoted.
 */
export function adviceOnJsonMistake(text: string): string | undefined {
  const outside = text.replace(/"(?:\\.|[^"\\])*"/g, '""');
  for (const [sign, advice] of ADVICE) if (sign.test(outside)) return advice;
  for (const [string] of text.matchAll(/"(?:\\.|[^"\\])*"/g)) {
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    if (/[\u0000-\u001f]/.test(string)) return "in a string a tab is \\t and a line end \\n";
    if (/\\(?!["\\/bfnrt]|u[\da-fA-F]{4})./.test(string.replace(/\\\\/g, ""))) {
      return "in a string a backslash is \\\\";
    }
  }
  return undefined;
}
