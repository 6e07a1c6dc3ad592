// Stand-in for @std/jsonc where JSR cannot be reached, on the npm package jsonc-parser.

import { parse as parseTolerant, type ParseError, printParseErrorCode } from "jsonc-parser";

/** What JSON can hold. */
export type JsonValue =
  | { [key: string]: JsonValue | undefined }
  | JsonValue[]
  | string
  | number
  | boolean
  | null;

/**
 * Parses JSON with comments and trailing commas.
 *
 * @throws {SyntaxError} If it is not that.
 */
export function parse(text: string): JsonValue {
  const errors: ParseError[] = [];
  const value: JsonValue = parseTolerant(text, errors, { allowTrailingComma: true });
  const first = errors[0];
  if (first !== undefined) {
    throw new SyntaxError(
      `Cannot parse JSONC: ${printParseErrorCode(first.error)} at position ${first.offset}`,
    );
  }
  return value;
}
