// Answering: what a handler returns goes back to who asked, and what it throws as well.

import { checkRunMessage, isRunCommand, type Message } from "../message.ts";
import type { Answerer, Client, Fields, Handler } from "./contract.ts";

/** Sends what answers a message, to who sent it. A message from nobody is not answered. */
export function reply(client: Client, message: Message, fields: Fields = {}): void {
  const { from, id, cmd } = message;
  if (from === undefined || message.re !== undefined) return;
  client.send({ cmd, ...fields, to: from, re: id, from: undefined });
}

/** A handler that gets only messages with the fields that its command has. */
export function checked(cmd: string, handler: Handler): Handler {
  if (!isRunCommand(cmd)) return handler;
  return (message) => {
    // An answer is not a question, whatever it is called.
    if (message.re !== undefined) return;
    checkRunMessage(message);
    return handler(message);
  };
}

/** A handler that sends back what the answerer returns, or throws. */
export function answering(client: Client, answerer: Answerer): Handler {
  return async (message) => {
    if (message.re !== undefined) return;
    let fields: Fields;
    try {
      checkRunMessage(message);
      fields = { ok: true, ...await answerer(message) };
    } catch (error) {
      fields = { ok: false, text: error instanceof Error ? error.message : String(error) };
    }
    reply(client, message, fields);
  };
}
