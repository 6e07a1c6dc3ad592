// A message as the shell says it.

import type { Outgoing } from "../lib/client.ts";
import { checkMessage, type Json, MessageError } from "../lib/message.ts";
import { UsageError } from "./command.ts";

/** Reads JSON; `what` says what it is that cannot be read. */
export function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UsageError(
      `Cannot read ${what} as JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/**
 * A value as a message to send.
 *
 * @param what Where it comes from, for the error: `line 3`. Default: nothing is said of that.
 * @throws {UsageError} If it is none.
 */
export function asMessage(value: unknown, what?: string): Outgoing {
  try {
    const { from, ...message } = checkMessage(value);
    if (from !== undefined) {
      throw new UsageError('Cannot send "from": the hub sets it; choose the name with --as');
    }
    return message as Outgoing;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const where = what === undefined ? "" : `${what}: `;
    if (error instanceof MessageError) throw new UsageError(`${where}${error.message}`);
    throw error instanceof UsageError ? new UsageError(`${where}${error.message}`) : error;
  }
}

/** The message that the arguments say: one JSON object, or `key=string` and `key:=json`. */
export function messageFromArgs(args: readonly string[]): Outgoing {
  const [first = ""] = args;
  if (args.length === 1 && first.trimStart().startsWith("{")) {
    return asMessage(parseJson(first, "the message"));
  }
  const fields = new Map<string, Json>();
  for (const arg of args) {
    const at = arg.indexOf("=");
    const isJson = arg[at - 1] === ":";
    const key = arg.slice(0, isJson ? at - 1 : at);
    if (at < 0 || key === "") {
      throw new UsageError(`Cannot read "${arg}": it is not key=text or key:=json`);
    }
    if (fields.has(key)) throw new UsageError(`Cannot send "${key}" twice in one message`);
    const value = arg.slice(at + 1);
    fields.set(key, isJson ? parseJson(value, `the value of "${key}"`) : value);
  }
  return asMessage(Object.fromEntries(fields));
}
