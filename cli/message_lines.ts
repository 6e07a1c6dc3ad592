// Messages that come line by line, as from a program that reads an instrument: a line that is none is
// said, and the next one is taken all the same.

import type { Outgoing } from "../lib/client.ts";
import { asMessage, parseJson } from "./send_message.ts";

/** A line that is longer is no message, in bytes; more than the hub takes. */
const MOST_BYTES = 16 * 1024 ** 2;
const NEWLINE = 0x0a;

/** A message, or why a line is none. */
export type MessageLine = Outgoing | Error;

/** The lines, without their ends; `undefined`: one that is too long. */
async function* linesOf(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Uint8Array[] | undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const line = () => length > MOST_BYTES ? undefined : parts;
  for await (const bytes of input) {
    let begin = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, begin)) {
      parts.push(bytes.subarray(begin, at));
      length += at - begin;
      yield line();
      [parts, length, begin] = [[], 0, at + 1];
    }
    length += bytes.length - begin;
    if (length <= MOST_BYTES) parts.push(bytes.subarray(begin));
    else parts = [];
  }
  yield line();
}

function textOf(parts: readonly Uint8Array[], what: string): string {
  // No replacement characters: a degree sign in another encoding is to be noticed.
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
  } catch {
    throw new Error(`Cannot read ${what}: it is no UTF-8`);
  }
}

/** The messages in a stream of bytes; empty lines are none, and no mistake. */
export async function* messageLines(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<MessageLine> {
  let number = 0;
  for await (const parts of linesOf(input)) {
    const what = `line ${++number}`;
    try {
      if (parts === undefined) {
        throw new Error(`Cannot read ${what}: it is longer than ${MOST_BYTES} bytes`);
      }
      const text = textOf(parts, what);
      if (text.trim() !== "") yield asMessage(parseJson(text, what), what);
    } catch (error) {
      yield error instanceof Error ? error : new Error(String(error));
    }
  }
}
