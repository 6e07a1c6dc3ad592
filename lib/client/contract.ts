// What a client of the hub can do: the interface, its options, its events.

import type { Log } from "../log_contract.ts";
import type {
  ClientEntry,
  ClientInfo,
  Json,
  Message,
  MessageFilter,
  RunMessages,
  SystemMessages,
} from "../message.ts";

/** What a program sends: a message without what the hub sets. */
export type Outgoing = Message & { readonly from?: undefined };

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** The client's name. Default: `ABCD_NAME`, else the program's file name. */
  name?: string;
  /** Take `name-2`, `name-3` … if the name is taken. Default: false. */
  unique?: boolean;
  /**
   * What is sent to the name while this client is away waits in the hub, and comes in order when it is
   * back. A message counts as received when its handlers are done, their promises too: what was not
   * comes again after a crash. What comes for a command without a handler counts as received: add
   * the handlers at once. Not with `unique`: mail is for one name. Default: false.
   */
  durable?: boolean;
  /** The hub's address, `host` or `host:port`. Default: `ABCD_SERVER`, else found by UDP. */
  server?: string;
  /** The key to show, as "abcd key" shows it. Default: `ABCD_KEY`, else the user's key file. */
  key?: string;
  /** A file that has the key. Default: `ABCD_KEY_FILE`, else `~/.config/abcd/key`. */
  keyFile?: string;
  /**
   * A file with the certificates of authorities, as PEM, that may vouch for a hub with TLS, beside
   * those that Deno knows. Default: `ABCD_CA`. A hub with a certificate of its own needs none.
   */
  ca?: string;
  /**
   * Whether to join a hub that has not shown that it has the key, too. Default: only if there is no
   * key here, so that there is nothing to tell a false hub by. `false`: never.
   */
  open?: boolean;
  /** The name of the hub to take if several are heard. Default: the first heard. */
  hub?: string;
  /** Told if several hubs are heard and nobody said which: their names and addresses, and what to do. */
  several?: (heard: readonly string[], advice: string) => void;
  /** UDP port to listen on for hubs. Default: `ABCD_BEACON_PORT`, else 7886. */
  beaconPort?: number;
  /** What to say of this program, beside host and pid, which are known. */
  info?: ClientInfo;
  /** What to hold while the hub is away, in bytes. Default 4 MiB. */
  bufferBytes?: number;
  /** How long joining may take, in seconds. Default: for ever. */
  timeoutSec?: number;
  /** Gives up joining, and closes the client later. */
  signal?: AbortSignal;
  /**
   * Where the client says what it does. Default: nowhere, but refusals and errors that nobody listens to
   * are said on standard error; listen to its events instead.
   */
  log?: Log;
}

/** What happened to the client's connection; each is also a line in its log. */
export interface ClientEvents {
  /** Nothing is known of the hub; the client listens for it. */
  searching: { reason: string };
  /** In the hub, under this name; again after each time it was lost. */
  joined: { name: string; hub: string; address: string; again: boolean };
  /** The connection is lost; the client tries to come back by itself. */
  lost: { reason: string };
  /** The hub refused a message, or the joining; `re` is the message's `id`. */
  refused: { code: string; text: string; re?: string };
  /** A handler threw, or something that came is no message. */
  error: { error: Error };
  /** Over. */
  closed: { reason: string };
}

/** A handler of messages. What it throws is reported as `error`, and stops nothing. */
export type Handler<M extends Message = Message> = (message: M) => void | Promise<void>;

/** The messages whose fields are known by their command. */
export type KnownMessages = SystemMessages & RunMessages;

/** Fields of an answer. */
export type Fields = { readonly [field: string]: Json | undefined };

/** A handler whose return value is the answer; nothing is the answer `ok: true`. */
export type Answerer<M extends Message = Message> = (
  message: M,
) => Fields | void | Promise<Fields | void>;

/** Takes a handler away again. */
export type Off = () => void;

/** The hub that a client is in. */
export interface JoinedHub {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  /** Whether it has shown that it has the client's key. */
  readonly proven: boolean;
}

/** The hub's word that a message is safe. */
export interface Receipt {
  /** To how many clients it was handed at once. */
  readonly receivers: number;
  /** Whether it is in the mailbox of a durable client, which gets it for certain. */
  readonly mailbox: boolean;
}

/** A client of a hub. */
export interface Client extends AsyncDisposable {
  /** The name it has, or asks for. */
  readonly name: string;
  /** Whether it is in the hub now. */
  readonly joined: boolean;
  /** The hub it is in, or was in last. */
  readonly hub: JoinedHub | undefined;
  /**
   * Sends a message. While the hub is away it waits, in order.
   *
   * @throws {MessageError} If it is not a message.
   * @throws {BufferFullError} If what waits would be more than `bufferBytes`; nothing is dropped.
   */
  send(message: Outgoing): void;
  /**
   * Sends a message and resolves once it is safe: on the hub's disk, and handed to who it is for, or to
   * its mailbox. Sent again, under the same id, if the hub is lost meanwhile; this library gives it to
   * the receiver's handlers once, and messages of one sender in order.
   *
   * @throws {RefusedError} If the hub refuses it; code `not-safe`: it was handed over, but is not on
   * the disk; `mailbox-full`: it was not, as too much waits for the receiver already.
   * @throws {BufferFullError} If what waits would be more than `bufferBytes`, or 32,768 messages have no
   * receipt yet.
   * @throws {DOMException} `TimeoutError` after `timeoutSec` (default: never), or the reason of
   * `signal`: whether it is safe is not known then.
   */
  deliver(
    message: Outgoing,
    options?: { timeoutSec?: number; signal?: AbortSignal },
  ): Promise<Receipt>;
  /**
   * Sends a message and resolves to the one that answers it. If it waits for a durable program that is
   * away, or for the hub, it is dropped when nobody waits for the answer any more, unless it says when
   * it `expires`.
   *
   * @throws {RefusedError} If the hub answers with `_error`.
   * @throws {DOMException} `TimeoutError`, or the reason of `signal`.
   */
  request(
    message: Outgoing,
    options?: { timeoutSec?: number; signal?: AbortSignal },
  ): Promise<Message>;
  /** Calls the handler for each message with this command that is for this client. `"*"`: for each. */
  on<C extends keyof KnownMessages>(cmd: C, handler: Handler<KnownMessages[C]>): Off;
  on(cmd: string, handler: Handler): Off;
  /**
   * Calls the handler for each message with this command that is for this client, and sends back
   * what it returns; without fields of its own the answer is `ok: true`. What it throws is sent
   * back as `ok: false` and `text`, and so is a message that is not as it should be.
   */
  answer<C extends keyof KnownMessages>(cmd: C, handler: Answerer<KnownMessages[C]>): Off;
  answer(cmd: string, handler: Answerer): Off;
  /** Answers a message: sends these fields, with its `cmd`, to who sent it. */
  reply(message: Message, fields?: Fields): void;
  /** Calls the handler for each message on a topic; `+` and `#` as in MQTT. Survives a rejoin. */
  subscribe(topic: string, handler: Handler): Off;
  /** Calls the handler for every message the hub routes that passes the filter. */
  spy(only: MessageFilter | undefined, handler: Handler): Off;
  /**
   * Says how this program is: a word or two for other programs, a text for people. The hub keeps
   * it for who comes later; it is said again by itself when the hub was away. Said again and again
   * from the program's own loop it is a sign of life that `"alive": {"status": …}` of an experiment
   * file can look at.
   *
   * @throws {MessageError} If `state` is not 1 to 40 characters, or `text` more than 400 characters,
   * or one of them more than one line.
   */
  status(state: string, text?: string): void;
  /** Who is in the hub. */
  clients(options?: { timeoutSec?: number; signal?: AbortSignal }): Promise<readonly ClientEntry[]>;
  /** Resolves when the hub has routed all that was sent before. */
  flush(options?: { timeoutSec?: number; signal?: AbortSignal }): Promise<void>;
  /** Calls the handler when something happens to the connection. */
  addEventListener<E extends keyof ClientEvents>(
    type: E,
    listener: (event: ClientEvents[E]) => void,
  ): Off;
  /** Leaves the hub: after what was sent, if it is there. Idempotent. */
  close(): Promise<void>;
}
