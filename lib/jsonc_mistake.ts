// What is wrong with a file that is no JSON with comments, in words, and where. Pure.

import { createScanner, type ParseError, printParseErrorCode } from "jsonc-parser";
import { nearest } from "./nearest.ts";
import { escapeControls } from "./plain_text.ts";

/** A mistake; the place counts from 0. */
export interface Mistake {
  readonly offset: number;
  readonly text: string;
}

/** Nested deeper than this no file is that a person wrote; and its readers call themselves. */
const MOST_NESTING = 100;
/** What is quoted of a file, in characters. */
const QUOTED = 20;
/** What is no word of JSON, and what was meant. */
const WORDS: { readonly [word: string]: string } = { none: "null", nil: "null", yes: "true" };

/** Where a text is nested too deep; `undefined`: nowhere. */
export function nestedTooDeep(text: string): Mistake | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (;;) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    if (offset >= text.length) return undefined;
    // A bracket in a text or in a comment is part of a token that begins otherwise.
    const first = text[offset] ?? "";
    if ("}]".includes(first)) depth--;
    if (!"{[".includes(first) || ++depth <= MOST_NESTING) continue;
    return {
      offset,
      text: `it is nested more than ${MOST_NESTING} deep, expected less`,
    };
  }
}

/** The beginning of what stands there, without what a terminal would obey. */
function quote(text: string): string {
  const line = text.split(/[\r\n]/)[0]?.trim() ?? "";
  return escapeControls(line.length <= QUOTED ? line : `${line.slice(0, QUOTED)}…`);
}

/** What stands for something that begins there. */
function describeSymbol(text: string, offset: number): string {
  const rest = text.slice(offset);
  if (rest.startsWith("'")) return `a text in ' stands here, expected it in "`;
  const word = /^[A-Za-z_][\w.-]*/.exec(rest)?.[0];
  if (word === undefined) return `${quote(rest.slice(0, 1))} cannot stand here, expected JSON`;
  if (/^\s*[:=]/.test(rest.slice(word.length))) {
    return `the key ${word} has no quotes, expected "${word}":`;
  }
  const meant = WORDS[word.toLowerCase()] ?? nearest(word, ["true", "false", "null"]);
  return `${word} is no value, expected ${meant ?? `"${word}"`}`;
}

function describe({ error, offset }: ParseError, text: string): string {
  const rest = text.slice(offset);
  switch (printParseErrorCode(error)) {
    case "InvalidSymbol":
      return describeSymbol(text, offset);
    case "InvalidNumberFormat":
    case "UnexpectedEndOfNumber":
      return `${quote(rest)} begins as a number and is none, expected one like 1.5`;
    case "PropertyNameExpected":
      return `${quote(rest)} stands where a key should, expected a text in "`;
    case "ValueExpected":
      return "there is no value here, expected one";
    case "ColonExpected":
      return `there is no ":" before ${quote(rest)}, expected one behind the key`;
    case "CommaExpected":
      return `there is no "," before ${quote(rest)}, expected one`;
    case "CloseBraceExpected":
      return `an object is not closed, expected "}"`;
    case "CloseBracketExpected":
      return `a list is not closed, expected "]"`;
    case "EndOfFileExpected":
      return `${quote(rest)} stands behind the end, expected nothing`;
    case "UnexpectedEndOfComment":
      return `a comment is not closed, expected "*/"`;
    case "UnexpectedEndOfString":
      return `the text ${quote(rest)} is not closed with " in its line`;
    case "InvalidEscapeCharacter":
    case "InvalidUnicode":
      return String.raw`a \ in this text does not stand for a character, expected \\ for itself`;
    case "InvalidCharacter":
      return String.raw`there is a control character in this text, expected \t or the like`;
    default:
      return "this cannot stand here, expected JSON with comments";
  }
}

/**
 * The first mistake: those behind it are its consequences more often than not.
 *
 * @param end Where the value of the file ends, if it has one.
 */
export function firstMistake(
  text: string,
  errors: readonly ParseError[],
  end: number | undefined,
): Mistake {
  const [first] = errors;
  if (first === undefined) return { offset: 0, text: "there is no value here, expected one" };
  const rest = text.slice(first.offset);
  const isBehind = end !== undefined && first.offset >= end && rest.trim() !== "";
  return {
    offset: first.offset,
    text: isBehind
      ? `${quote(rest)} stands behind the end, expected nothing`
      : describe(first, text),
  };
}
