// What any message is, whatever its command: its envelope, how it is read from text, how it becomes text.
//
// A message is one flat JSON object. The envelope's fields are those of `Message`; beside them a
// sender puts any others it likes. Text from outside is checked once, here, and trusted from then on.

import { MAX_MESSAGE_BYTES, MAX_NESTING } from "./defaults.ts";
import { adviceOnJsonMistake, describeJsonMistake } from "./json_mistake.ts";
import { plainText } from "./plain_text.ts";
import { problemWithTopic } from "./topic.ts";

/** Anything JSON can hold. It has no NaN and no infinity: those become `null`. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export type JsonObject = { readonly [field: string]: Json | undefined };

/** One message, whoever sent it. */
export interface Message {
  /** What the message is; a receiver picks its handler by it. */
  readonly cmd: string;
  /** The client it is for; `"*"` is everyone but the sender. */
  readonly to?: string;
  /** Instead of `to`: for everyone subscribed to it. */
  readonly topic?: string;
  /** The sender's name. Set by the hub. */
  readonly from?: string;
  /** When it was sent: Unix time in seconds, with fraction. Set by the hub if the sender did not. */
  readonly time?: number;
  /** Names this message, for a reply or an error. */
  readonly id?: string;
  /** The `id` of the message that this one answers. */
  readonly re?: string;
  /** The hub is to answer `_ok` once the message is safe: on the disk, and handed over. Needs an `id`. */
  readonly ack?: boolean;
  /** Of a message on a topic: it is to be kept as the topic's last value, for later subscribers. */
  readonly retain?: boolean;
  /** After so many seconds it is of no use any more: it need not wait longer for its receiver. */
  readonly expires?: number;
  /** Set by the hub: this is a topic's last value, from before the subscription. */
  readonly retained?: boolean;
  /** Set by the hub: the number of this mail, for a durable client to confirm with `_got`. */
  readonly _mail?: number;
  /** The sender's own fields. */
  readonly [field: string]: Json | undefined;
}

/** What a message is, who sent it, and where it goes: that of it which searches and filters look at. */
export type Route = Pick<Message, "cmd" | "from" | "to" | "topic">;

/** Why a message or a client was refused. */
export const ERROR_CODES = [
  "bad-json",
  "bad-message",
  "too-large",
  "name-invalid",
  "name-taken",
  "not-joined",
  "unknown-client",
  "mailbox-full",
  "undelivered",
  "retain-full",
  "not-safe",
  "unknown-command",
  "denied",
  "slow-consumer",
  "shutting-down",
] as const;
/** One of {@linkcode ERROR_CODES}. */
export type ErrorCode = typeof ERROR_CODES[number];

/** The name under which the hub's own messages go out. */
export const HUB_NAME = "_hub";
/** The receiver that means everyone but the sender. */
export const EVERYONE = "*";

/** Text that is not an acceptable message: which code the hub answers with, which field is wrong. */
export class MessageError extends Error {
  override name = "MessageError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The field that is wrong, if it is one. */
    readonly field?: string,
    /** The `id` of the message, if it could be read. */
    readonly id?: string,
  ) {
    super(message);
  }
}

/** Limits that hold for one message. */
export interface MessageLimits {
  /** In bytes of UTF-8. Default 1 MiB. */
  maxBytes?: number;
  /** Levels of arrays and objects inside each other. Default 64. */
  maxNesting?: number;
}

const NAME = /^[A-Za-z0-9.-][A-Za-z0-9._-]{0,63}$/;

/** Whether this can be a client's name: 1 to 64 of `A-Z a-z 0-9 . _ -`, not beginning with `_`. */
export function isClientName(name: string): boolean {
  return NAME.test(name);
}

const encoder = new TextEncoder();
/** So much of what is no name is said again, in characters. */
const MOST_QUOTED = 80;

/** Length in UTF-8, without making the bytes where that can be known. */
function isLonger(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true;
  if (text.length * 3 <= maxBytes) return false;
  return encoder.encode(text).length > maxBytes;
}

function isDeeper(value: Json | undefined, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  for (const key in value) {
    const inner = (value as { readonly [key: string]: Json | undefined })[key];
    if (typeof inner === "object" && inner !== null && isDeeper(inner, levels - 1)) return true;
  }
  return false;
}

/** What a value is, in words: "a string", "an array", "null". */
export function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value)
    ? "an array"
    : `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}

/**
 * Reads one message from text, and checks its envelope: see {@linkcode checkMessage}.
 *
 * @throws {MessageError} `too-large`, `bad-json` or `bad-message`.
 */
export function parseMessage(text: string, limits: MessageLimits = {}): Message {
  const { maxBytes = MAX_MESSAGE_BYTES } = limits;
  if (isLonger(text, maxBytes)) {
    throw new MessageError(
      "too-large",
      `Cannot take the message: it is larger than ${maxBytes} bytes`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = describeJsonMistake(text, error);
    const advice = adviceOnJsonMistake(text);
    const hint = advice === undefined ? "" : `; ${advice}`;
    throw new MessageError("bad-json", `Cannot read the message as JSON: ${why}${hint}`);
  }
  return checkMessage(value, limits);
}

/**
 * Checks that a value is a message: an object with the envelope's fields as they should be.
 *
 * @throws {MessageError} `bad-message`; its `field` is the one that is wrong.
 */
export function checkMessage(value: unknown, limits: MessageLimits = {}): Message {
  const { maxNesting = MAX_NESTING } = limits;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MessageError(
      "bad-message",
      `Cannot take the message: it is ${kind(value)}, not an object`,
    );
  }
  const message = value as { [field: string]: Json | undefined };
  const id = typeof message.id === "string" ? message.id : undefined;
  const bad = (field: string, text: string) => new MessageError("bad-message", text, field, id);

  const { cmd } = message;
  if (typeof cmd !== "string") {
    throw bad(
      "cmd",
      cmd === undefined
        ? 'Cannot take the message: it has no "cmd"'
        : `Cannot take the message: "cmd" is ${kind(cmd)}, not a string`,
    );
  }
  if (cmd === "" || cmd.length > 256) {
    throw bad("cmd", 'Cannot take the message: "cmd" is not 1 to 256 characters long');
  }
  for (const field of ["to", "topic", "from", "id", "re"]) {
    const given = message[field];
    if (given !== undefined && typeof given !== "string") {
      throw bad(field, `Cannot take the message: "${field}" is ${kind(given)}, not a string`);
    }
  }
  const { to, topic, time } = message;
  if (time !== undefined && (typeof time !== "number" || !Number.isFinite(time))) {
    throw bad("time", `Cannot take the message: "time" is ${kind(time)}, not Unix time in seconds`);
  }
  for (const field of ["ack", "retain"]) {
    const given = message[field];
    if (given !== undefined && typeof given !== "boolean") {
      throw bad(field, `Cannot take the message: "${field}" is ${kind(given)}, not true or false`);
    }
  }
  const { expires } = message;
  const isTime = typeof expires === "number" && expires > 0 && expires < Infinity;
  if (expires !== undefined && !isTime) {
    throw bad("expires", 'Cannot take the message: "expires" is not a positive number of seconds');
  }
  for (const field of ["to", "topic"]) {
    if (message[field] !== "") continue;
    throw bad(field, `Cannot take the message: "${field}" is empty; leave it out`);
  }
  if (to !== undefined && topic !== undefined) {
    throw bad("topic", 'Cannot take the message: it has both "to" and "topic"; send two messages');
  }
  if (typeof to === "string" && to !== EVERYONE && to !== HUB_NAME && !isClientName(to)) {
    const given = plainText(to, MOST_QUOTED);
    throw bad("to", `Cannot take the message: "to" is not a client's name: "${given}"`);
  }
  if (typeof topic === "string") {
    const problem = problemWithTopic(topic);
    if (problem !== undefined) {
      throw bad("topic", `Cannot take the message: the topic is not valid: ${problem}`);
    }
  }
  for (const field of ["id", "re"]) {
    const given = message[field];
    if (typeof given === "string" && given.length > 256) {
      throw bad(field, `Cannot take the message: "${field}" is longer than 256 characters`);
    }
  }
  if (maxNesting < Infinity && isDeeper(message, maxNesting)) {
    throw bad("", `Cannot take the message: it is nested deeper than ${maxNesting} levels`);
  }
  return message as unknown as Message;
}

/**
 * The text of a message: compact JSON on one line.
 *
 * @throws {MessageError} If the receiver could not read it: the checks of {@linkcode parseMessage}.
 */
export function encodeMessage(message: Message, limits: MessageLimits = {}): string {
  const { maxBytes = MAX_MESSAGE_BYTES } = limits;
  checkMessage(message, limits);
  const text = JSON.stringify(message);
  if (isLonger(text, maxBytes)) {
    throw new MessageError(
      "too-large",
      `Cannot send the message: it is larger than ${maxBytes} bytes; raw data does not go through the hub`,
      undefined,
      message.id,
    );
  }
  return text;
}
