// What a run controller says to the programs of an experiment about data-taking runs, and whether
// a message that came is one of these.

import { type JsonObject, kind, type Message, MessageError } from "./message_form.ts";

/**
 * A run starts. To be answered when the program is ready to take data: with anything that has this
 * message's `id` as `re`; with `ok: false` and a `text`, or an `error`, the start is refused.
 */
export interface RunStartMessage extends Message {
  readonly cmd: "run-start";
  /** Its number, which no other run has. */
  readonly run: number;
  /** What somebody called it; may be empty. */
  readonly label: string;
  /** The program's `config` in the experiment file. */
  readonly config: JsonObject;
  readonly experiment: string;
  /** The run goes on already: the program was away, and comes back into it. */
  readonly again?: boolean;
}

/** The run is over. To be answered when what was taken is safe on the disk. */
export interface RunStopMessage extends Message {
  readonly cmd: "run-stop";
  readonly run: number;
  readonly experiment: string;
  /** What the run is worth: `good`, `tainted`, `interrupted`, `aborted`. */
  readonly verdict: string;
  /** The start came to nothing: there is no such run. */
  readonly aborted?: boolean;
  /** Why, if it is interrupted or aborted. */
  readonly reason?: string;
}

/** Something essential is lost: bring yourself into the state in which nothing can be harmed. */
export interface SafeMessage extends Message {
  readonly cmd: "safe";
  readonly reason: string;
  readonly experiment: string;
}

/** A person has said that the experiment need not be safe any more. */
export interface SafeEndMessage extends Message {
  readonly cmd: "safe-end";
  readonly experiment: string;
}

/** The messages to programs, by command: what `on("run-start", …)` completes. */
export interface RunMessages {
  "run-start": RunStartMessage;
  "run-stop": RunStopMessage;
  "safe": SafeMessage;
  "safe-end": SafeEndMessage;
}

const FIELDS: { readonly [C in keyof RunMessages]: { readonly [field: string]: string } } = {
  "run-start": { run: "a number", label: "a string", config: "an object", experiment: "a string" },
  "run-stop": { run: "a number", experiment: "a string", verdict: "a string" },
  "safe": { reason: "a string", experiment: "a string" },
  "safe-end": { experiment: "a string" },
};

/** Whether this is the command of one of {@linkcode RunMessages}. */
export function isRunCommand(cmd: string): cmd is keyof RunMessages {
  return Object.hasOwn(FIELDS, cmd);
}

/**
 * Checks that a message with one of these commands has the fields of it; others pass.
 *
 * @throws {MessageError} `bad-message`; its `field` is the one that is wrong.
 */
export function checkRunMessage(message: Message): void {
  const { cmd, id } = message;
  if (!isRunCommand(cmd)) return;
  for (const [field, wanted] of Object.entries(FIELDS[cmd])) {
    const given = kind(message[field]);
    if (given === wanted) continue;
    const text = message[field] === undefined
      ? `it has no "${field}"`
      : `"${field}" is ${given}, not ${wanted}`;
    throw new MessageError(
      "bad-message",
      `Cannot take ${cmd}: ${text}`,
      field,
      id,
    );
  }
}
