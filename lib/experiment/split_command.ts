// A command line, split into words like a shell does, without expanding anything.

/**
 * Splits a command line at white space; quotes and backslashes work as in a shell.
 *
 * @throws {Error} If a quote is not closed, or a backslash stands at the end.
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (quote === "'") {
      if (c === "'") quote = "";
      else word = (word ?? "") + c;
    } else if (c === "\\") {
      const next = line.charAt(++i);
      if (next === "") throw new Error("a backslash at the end escapes nothing");
      if (next === "\n") continue;
      const kept = quote === '"' && !'"\\$`'.includes(next);
      word = (word ?? "") + (kept ? c : "") + next;
    } else if (quote === '"') {
      if (c === '"') quote = "";
      else word = (word ?? "") + c;
    } else if (c === "'" || c === '"') {
      quote = c;
      word ??= "";
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + c;
    }
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
