// The protocol's own messages: a type each, in two unions by direction, and their checks.
// Everything else imports them from message.ts.

import { isLogLevel, LOG_LEVELS, type LogLevel } from "./log_contract.ts";
import {
  ERROR_CODES,
  type ErrorCode,
  type Json,
  type JsonObject,
  kind,
  type Message,
  MessageError,
  type Route,
} from "./message_form.ts";
import { plainText } from "./plain_text.ts";
import { problemWithSubscription, topicMatches } from "./topic.ts";

/** What a client says of itself when it joins. All of it is optional, and shown as it is. */
export type ClientInfo = {
  /** The program's name. */
  readonly program?: string;
  /** The program's version. */
  readonly version?: string;
  /** The computer it runs on. */
  readonly host?: string;
  /** Its process number there. */
  readonly pid?: number;
  readonly [field: string]: Json | undefined;
};

/** Which messages a spy wants to see. Of several conditions all must hold. */
export type MessageFilter = {
  /** Senders; `"_hub"` is the hub itself. */
  readonly from?: readonly string[];
  /** Receivers, as written in `to`. */
  readonly to?: readonly string[];
  /** Commands. */
  readonly cmd?: readonly string[];
  /** Subscriptions that the topic must match one of. */
  readonly topic?: readonly string[];
  /** Filters that must not match. */
  readonly not?: readonly MessageFilter[];
};

/** Asks to join under a name. */
export interface InitMessage extends Message {
  readonly cmd: "_init";
  readonly name: string;
  /** If the name is taken, the hub appends `-2`, `-3` … Default: false. */
  readonly unique?: boolean;
  /**
   * What is sent to the name while its client is away waits for it. The client confirms what it gets,
   * with `_got`. Default: false.
   */
  readonly durable?: boolean;
  readonly info?: ClientInfo;
  /**
   * The ID of the key that it has; then `nonce` and `address` are there too. Or the whole key, for
   * hubs that take keys in plain text.
   */
  readonly key?: string;
  /** A text that nobody has used before, 22 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly nonce?: string;
  /** The address by which it reached the hub, `IP:port`. */
  readonly address?: string;
}
/** Shows that the client has the key: the answer to `_challenge`. */
export interface ProofMessage extends Message {
  readonly cmd: "_proof";
  /** See lib/keys/handshake.ts. */
  readonly proof: string;
}
/** Asks for a sign of life. */
export interface PingMessage extends Message {
  readonly cmd: "_ping";
}
/** The sign of life. */
export interface PongMessage extends Message {
  readonly cmd: "_pong";
}
/** Asks who is there. */
export interface ClientsQuery extends Message {
  readonly cmd: "_clients";
}
/** Asks for all messages on these topics, wildcards `+` and `#` allowed. */
export interface SubscribeMessage extends Message {
  readonly cmd: "_subscribe";
  readonly topics: readonly string[];
}
/** Takes subscriptions back. */
export interface UnsubscribeMessage extends Message {
  readonly cmd: "_unsubscribe";
  readonly topics: readonly string[];
}
/** Asks to see every message that the hub routes, or no more. */
export interface SpyMessage extends Message {
  readonly cmd: "_spy";
  readonly on: boolean;
  readonly only?: MessageFilter;
}
/** Sets how much the hub writes into its log; without a level it asks. Answered `_ok {level, was}`. */
export interface LogRequest extends Message {
  readonly cmd: "_log";
  /** The least severe that is written. */
  readonly level?: LogLevel;
}
/** Asks for the hub's counters. */
export interface StatsQuery extends Message {
  readonly cmd: "_stats";
}
/**
 * What the client says of itself, in a word or two for programs and a text for people. The hub keeps
 * the last one until the client leaves, and tells of it on `_hub/status` when it is another. It is
 * answered with `_ok` only if it has an `id`.
 */
export interface StatusMessage extends Message {
  readonly cmd: "_status";
  /** 1 to 40 characters, the same each time it is in the same state: `cooling`, `ready`. */
  readonly state: string;
  /** At most 400 characters: `143 K, 130 K wanted`. */
  readonly text?: string;
}
/** Asks for messages that were routed before, a page of them; the rest by asking on with `after`. */
export interface HistoryQuery extends Message {
  readonly cmd: "_history";
  /** Routed at or after this Unix time, in seconds. */
  readonly since?: number;
  /** Routed before this Unix time, in seconds. */
  readonly until?: number;
  /** Only those behind this number in the journal. */
  readonly after?: number;
  /** Only those up to this number in the journal. */
  readonly through?: number;
  /** Only those that pass. */
  readonly only?: MessageFilter;
  /** Most messages in a page, at most 1000. Default 1000. */
  readonly limit?: number;
}

/** A durable client has all its mail up to this number, and need not get it again. No answer. */
export interface GotMessage extends Message {
  readonly cmd: "_got";
  readonly _mail: number;
}
/** Asks which mailboxes there are. */
export interface MailboxesQuery extends Message {
  readonly cmd: "_mailboxes";
}
/** Closes the mailbox of a name whose client is away; what waits in it is not delivered. */
export interface CloseMailboxMessage extends Message {
  readonly cmd: "_close_mailbox";
  readonly name: string;
}
/** The last values of these topics are to be forgotten, wildcards `+` and `#` allowed. */
export interface ForgetMessage extends Message {
  readonly cmd: "_forget";
  readonly topics: readonly string[];
}

/** A message of the protocol from a client to the hub. */
export type ToHub =
  | InitMessage
  | ProofMessage
  | PingMessage
  | PongMessage
  | ClientsQuery
  | SubscribeMessage
  | UnsubscribeMessage
  | SpyMessage
  | StatsQuery
  | LogRequest
  | StatusMessage
  | GotMessage
  | MailboxesQuery
  | CloseMailboxMessage
  | ForgetMessage
  | HistoryQuery;

/** The hub shows that it has the client's key, and asks the same of the client. */
export interface ChallengeMessage extends Message {
  readonly cmd: "_challenge";
  /** The hub's name. */
  readonly hub: string;
  readonly nonce: string;
  /** See lib/keys/handshake.ts. */
  readonly proof: string;
}
/** The hub has taken the client in, under this name. */
export interface WelcomeMessage extends Message {
  readonly cmd: "_welcome";
  readonly name: string;
  /** The hub's name. */
  readonly hub: string;
  readonly protocol: number;
  /** The hub pings this often, in seconds. */
  readonly heartbeat: number;
  /** After this long without a message, in seconds, either side counts the other as gone. */
  readonly timeout: number;
  /**
   * Of a durable client: its mailbox. `id` changes when numbers of mail begin anew; `waiting`: messages
   * in it; `kept`: whether it outlives the hub (a hub without a journal holds it in memory alone).
   */
  readonly mailbox?: { readonly id: string; readonly waiting: number; readonly kept: boolean };
}

/** Something was refused; `text` says what to do, `re` which message it was, if it had an `id`. */
export interface ErrorMessage extends Message {
  readonly cmd: "_error";
  readonly code: ErrorCode;
  readonly text: string;
}
/** Done as asked. */
export interface OkMessage extends Message {
  readonly cmd: "_ok";
  /**
   * The answer to `_spy` of a hub with a journal: the number of the last message before those that
   * the spy sees from now on.
   */
  readonly seq?: number;
  /** The receipt for a message with `ack`: how many clients it was handed to. */
  readonly receivers?: number;
  /** The receipt for a message with `ack`: it is in the mailbox of who it is for. */
  readonly mailbox?: boolean;
  /** The answer to `_close_mailbox`: how many messages were in it. */
  readonly dropped?: number;
  /** The answer to `_forget`: of how many topics. */
  readonly forgotten?: number;
}

/** What a client has said of itself last. Times are Unix time in seconds, by the hub's clock. */
export type ClientStatus = {
  readonly state: string;
  readonly text?: string;
  /** When it first said that it is in this state. */
  readonly since: number;
  /** When it said so last. */
  readonly at: number;
};

/** A client, as the hub lists it. */
export type ClientEntry = {
  readonly name: string;
  /** Where it connects from, `host:port`. */
  readonly address: string;
  readonly transport: string;
  /** The ID of the key that it has shown; absent: none. */
  readonly key?: string;
  /** Unix time in seconds of its joining. */
  readonly since: number;
  /** Unix time in seconds of its last message. */
  readonly lastSeen: number;
  readonly info: ClientInfo;
  /** What it has said of itself last; absent: nothing. */
  readonly status?: ClientStatus;
  /** Messages the hub had from it. */
  readonly received: number;
  /** Messages the hub gave to it. */
  readonly sent: number;
  /** Bytes that wait for it in the hub. */
  readonly queued: number;
  /** How often it was not read for a while, as the journal's disk was slower than what it sent. */
  readonly pauses: number;
};

/** Who is there. */
export interface ClientsAnswer extends Message {
  readonly cmd: "_clients";
  readonly clients: readonly ClientEntry[];
}
/** The hub's counters, since it started. */
export type HubStats = {
  /** Seconds since the hub started. */
  readonly uptime: number;
  /** Messages routed. */
  readonly messages: number;
  /** Bytes of messages received. */
  readonly bytes: number;
  /** Clients that are joined. */
  readonly clients: number;
  /** Messages given to clients. */
  readonly delivered: number;
  /** Bytes of messages given to clients. */
  readonly sentBytes: number;
  /** Connections, joined or not. */
  readonly connections: number;
  /** Bytes that wait for clients to read them; for the one for which most waits; and the limit. */
  readonly queued: number;
  readonly queuedMost: number;
  readonly queueLimit: number;
  /** Times that the watchdog has started the hub again. */
  readonly restarts: number;
  /** From the hub's pings to their answers. */
  readonly pings: {
    readonly count: number;
    /** All together, in seconds. */
    readonly sum: number;
    /** How many took at most so many seconds. */
    readonly buckets: readonly (readonly [bound: number, count: number])[];
  };
  /** Messages refused with `_error`. */
  readonly refused: number;
  /** The same by code. */
  readonly refusals: { readonly [code: string]: number };
  /** Of those, and of joinings, what was `denied`: for want of a key or of a right. */
  readonly denied: number;
  /** Clients closed because they did not read. */
  readonly slowConsumers: number;
  /** Clients closed because they said nothing. */
  readonly timeouts: number;
  /**
   * How often a client was not read for a while, as the journal's disk was slower than what it sent; for
   * how long all of them, in seconds; and how many are not read now.
   */
  readonly pauses: number;
  readonly pausedSec: number;
  readonly paused: number;
  /** Messages that were answered with a receipt. */
  readonly acknowledged: number;
  /** Messages that could not be made safe, and were answered `not-safe`. */
  readonly notSafe: number;
  /** Messages put into mailboxes. */
  readonly mailed: number;
  /** Messages taken out of mailboxes because they were too old. */
  readonly undelivered: number;
  /** How many mailboxes there are, and what waits in them. */
  readonly mailboxes: { readonly names: number; readonly waiting: number; readonly bytes: number };
  /** Topics with a last value that is kept. */
  readonly lastValues: { readonly topics: number; readonly bytes: number };
  /** Of the ledger of mail and last values, if the hub keeps one. */
  readonly ledger?: { readonly [field: string]: string | number | undefined };
  /** Of the journal, if the hub keeps one. */
  readonly journal?: { readonly [field: string]: string | number | undefined };
};
/** The hub's counters, as a message. */
export interface StatsAnswer extends Message, HubStats {
  readonly cmd: "_stats";
}
/** The mailboxes of durable clients. */
export interface MailboxesAnswer extends Message {
  readonly cmd: "_mailboxes";
  /**
   * Each `{name, here, lastHere, waiting, bytes}`: whether its client is here, the Unix time in seconds
   * when it last was, how many messages wait for it, or are on their way and not confirmed.
   */
  readonly mailboxes: readonly JsonObject[];
}
/** A page of messages that were routed before, oldest first. */
export interface HistoryAnswer extends Message {
  readonly cmd: "_history";
  /** Each `{seq, at, m}`: its number, the Unix time in seconds when it was routed, the message. */
  readonly records: readonly JsonObject[];
  /** Ask again with this as `after`; `null`: that was all. */
  readonly next: number | null;
}

/** A message of the protocol from the hub to a client. */
export type FromHub =
  | ChallengeMessage
  | WelcomeMessage
  | ErrorMessage
  | PingMessage
  | PongMessage
  | OkMessage
  | ClientsAnswer
  | StatsAnswer
  | MailboxesAnswer
  | HistoryAnswer;

/** The system messages that a program can get, by command: what `on("_error", …)` completes. */
export interface SystemMessages {
  "_welcome": WelcomeMessage;
  "_error": ErrorMessage;
  "_ping": PingMessage;
  "_pong": PongMessage;
  "_ok": OkMessage;
  "_clients": ClientsAnswer;
  "_stats": StatsAnswer;
  "_mailboxes": MailboxesAnswer;
  "_history": HistoryAnswer;
}

/** Whether a command is one of the protocol's own. */
export function isSystemCommand(cmd: string): boolean {
  return cmd.startsWith("_");
}

/** Checks one field of a message; the text it returns says what is wrong. */
type FieldCheck = (value: Json | undefined) => string | undefined;

const isString: FieldCheck = (v) =>
  typeof v === "string" ? undefined : `is ${kind(v)}, not a string`;
const isBoolean: FieldCheck = (v) =>
  typeof v === "boolean" ? undefined : `is ${kind(v)}, not true or false`;
const isNumber: FieldCheck = (v) =>
  typeof v === "number" ? undefined : `is ${kind(v)}, not a number`;
const isObject: FieldCheck = (v) =>
  typeof v === "object" && v !== null && !Array.isArray(v)
    ? undefined
    : `is ${kind(v)}, not an object`;
const optional = (check: FieldCheck): FieldCheck => (v) => v === undefined ? undefined : check(v);
const isListOf = (check: FieldCheck, of: string): FieldCheck => (v) => {
  if (!Array.isArray(v)) return `is ${kind(v)}, not an array of ${of}`;
  for (const item of v) {
    const problem = check(item);
    if (problem !== undefined) return `has an element that ${problem}`;
  }
  return undefined;
};
const isLevel: FieldCheck = (v) =>
  typeof v === "string" && isLogLevel(v) ? undefined : `is not one of ${LOG_LEVELS.join(", ")}`;
const isSubscription: FieldCheck = (v) => {
  if (typeof v !== "string") return isString(v);
  const problem = problemWithSubscription(v);
  return problem === undefined ? undefined : `is not a valid topic: ${problem}`;
};
const isErrorCode: FieldCheck = (v) =>
  (ERROR_CODES as readonly unknown[]).includes(v) ? undefined : "is not a code of the protocol";
const isLine = (least: number, most: number): FieldCheck => (v) => {
  if (typeof v !== "string") return isString(v);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(v)) return "has control characters, and is to be one line";
  return v.length < least || v.length > most
    ? `has ${v.length} characters, not ${least} to ${most}`
    : undefined;
};
const isInfo: FieldCheck = (v) => {
  const problem = isObject(v);
  if (problem !== undefined) return problem;
  return JSON.stringify(v).length > 4096 ? "is larger than 4096 characters" : undefined;
};
const isFilter: FieldCheck = (v) => {
  const problem = isObject(v);
  if (problem !== undefined) return problem;
  for (const [key, value] of Object.entries(v as JsonObject)) {
    // Own fields only: a filter from outside may have "__proto__" or "constructor".
    const check = Object.hasOwn(filterFields, key) ? filterFields[key] : undefined;
    if (check === undefined) {
      return `has "${plainText(key, 80)}"; a filter has from, to, cmd, topic, not`;
    }
    const inner = check(value);
    if (inner !== undefined) return `has "${key}", which ${inner}`;
  }
  return undefined;
};
const filterFields: { [field: string]: FieldCheck } = {
  from: isListOf(isString, "names"),
  to: isListOf(isString, "names"),
  cmd: isListOf(isString, "commands"),
  topic: isListOf(isSubscription, "topics"),
  not: isListOf(isFilter, "filters"),
};

type FieldChecks = { readonly [field: string]: FieldCheck };

const TO_HUB: { readonly [C in ToHub["cmd"]]: FieldChecks } = {
  _init: {
    name: isString,
    unique: optional(isBoolean),
    durable: optional(isBoolean),
    info: optional(isInfo),
    key: optional(isString),
    nonce: optional(isString),
    address: optional(isString),
  },
  _proof: { proof: isString },
  _ping: {},
  _pong: {},
  _clients: {},
  _subscribe: { topics: isListOf(isSubscription, "topics") },
  _unsubscribe: { topics: isListOf(isSubscription, "topics") },
  _spy: { on: isBoolean, only: optional(isFilter) },
  _stats: {},
  _log: { level: optional(isLevel) },
  _status: { state: isLine(1, 40), text: optional(isLine(0, 400)) },
  _got: { _mail: isNumber },
  _mailboxes: {},
  _close_mailbox: { name: isString },
  _forget: { topics: isListOf(isSubscription, "topics") },
  _history: {
    since: optional(isNumber),
    until: optional(isNumber),
    after: optional(isNumber),
    through: optional(isNumber),
    only: optional(isFilter),
    limit: optional(isNumber),
  },
};

const FROM_HUB: { readonly [C in FromHub["cmd"]]: FieldChecks } = {
  _challenge: { hub: isString, nonce: isString, proof: isString },
  _welcome: {
    name: isString,
    hub: isString,
    protocol: isNumber,
    heartbeat: isNumber,
    timeout: isNumber,
  },
  _error: { code: isErrorCode, text: isString },
  _ping: {},
  _pong: {},
  _ok: {},
  _clients: { clients: isListOf(isObject, "clients") },
  _stats: { uptime: isNumber, messages: isNumber, bytes: isNumber, clients: isNumber },
  _mailboxes: { mailboxes: isListOf(isObject, "mailboxes") },
  _history: {
    records: isListOf(isObject, "records"),
    next: (v) => v === null ? undefined : isNumber(v),
  },
};

function checkFields(message: Message, checks: FieldChecks): void {
  for (const field in checks) {
    const problem = checks[field]?.(message[field]);
    if (problem !== undefined) {
      const text = message[field] === undefined
        ? `Cannot take ${message.cmd}: it has no "${field}"`
        : `Cannot take ${message.cmd}: "${field}" ${problem}`;
      throw new MessageError("bad-message", text, field, message.id);
    }
  }
}

function isOneOf<T extends object>(table: T, cmd: string): cmd is keyof T & string {
  return Object.hasOwn(table, cmd);
}

/**
 * Reads a message as one of the protocol's to the hub.
 *
 * @throws {MessageError} `unknown-command` if there is no such command, `bad-message` if a field of
 * it is not as it should be.
 */
export function asToHub(message: Message): ToHub {
  if (!isOneOf(TO_HUB, message.cmd)) {
    throw new MessageError(
      "unknown-command",
      `Cannot take ${message.cmd}: the hub has no such command; it has ${
        Object.keys(TO_HUB).join(", ")
      }. A message for a client needs "to" or "topic"`,
      "cmd",
      message.id,
    );
  }
  checkFields(message, TO_HUB[message.cmd]);
  return message as ToHub;
}

/**
 * Reads a message as one of the protocol's from the hub; `undefined` if it is not one of those, as
 * a newer hub may have more.
 *
 * @throws {MessageError} `bad-message` if a field is not as it should be.
 */
export function asFromHub(message: Message): FromHub | undefined {
  if (!isOneOf(FROM_HUB, message.cmd)) return undefined;
  checkFields(message, FROM_HUB[message.cmd]);
  return message as FromHub;
}

/** Whether a message passes a filter. */
export function passesFilter(message: Route, filter: MessageFilter): boolean {
  const { from, to, cmd, topic, not } = filter;
  if (from !== undefined && !from.includes(message.from ?? "")) return false;
  if (to !== undefined && !to.includes(message.to ?? "")) return false;
  if (cmd !== undefined && !cmd.includes(message.cmd)) return false;
  if (topic !== undefined) {
    const { topic: published } = message;
    if (published === undefined || !topic.some((s) => topicMatches(s, published))) return false;
  }
  return !(not ?? []).some((other) => passesFilter(message, other));
}
