// What who has a key may do: pure, asked for each message, and quick at that.

import { matchesGlob } from "../glob.ts";
import { EVERYONE, type ToHub } from "../message.ts";

/** What a key may do only if its entry in the rights file says so. */
export const RIGHTS = ["exec", "run", "safe", "spy", "history", "admin"] as const;
/** One of {@linkcode RIGHTS}. */
export type Right = typeof RIGHTS[number];

/** What each right is for, in words. */
export const RIGHT_TEXTS: { readonly [R in Right]: string } = {
  exec: "have commands run by abcd exec",
  run: "start, stop and restart programs, reload, begin and end runs",
  safe: "bring the experiment into its safe state",
  spy: "see every message, whoever it is for",
  history: "look back at every message that the hub kept",
  admin: "change how the hub works, and how much programs log",
};

/** What one key may do. */
export interface Entry {
  /** Names that it may take; `*` stands for any characters. */
  readonly names: readonly string[];
  /** Names of clients that it may send to, with `*`; `"*"` alone takes everybody at once too. */
  readonly to: readonly string[];
  /** Topics on which it may publish; `+` and `#` as in a subscription. */
  readonly publish: readonly string[];
  /** What it may subscribe to: these, and what they take. */
  readonly subscribe: readonly string[];
  /** Commands that it may send, with `*`. */
  readonly cmd: readonly string[];
  /** What it may do beyond that. */
  readonly may: readonly Right[];
}

/** The entry of a key that has nothing more in the file than its ID. */
export function plainEntry(id: string): Entry {
  return {
    names: [id, `${id}-*`],
    to: ["*"],
    publish: ["#"],
    subscribe: ["#"],
    cmd: ["*"],
    may: [],
  };
}

/** Commands that need a right, whoever they are for. */
const RIGHT_OF_COMMAND = new Map<string, Right>([
  ["_log", "admin"],
  ["exec", "exec"],
  ["exec-kill", "exec"],
  ["start", "run"],
  ["stop", "run"],
  ["restart", "run"],
  ["reload", "run"],
  ["start-run", "run"],
  ["stop-run", "run"],
  // What a controller tells the programs of a run.
  ["run-start", "run"],
  ["run-stop", "run"],
  ["make-safe", "safe"],
  ["leave-safe", "safe"],
  ["safe", "safe"],
  ["safe-end", "safe"],
]);

/** Commands that are answered under their own name: an answer is no order, and needs no right. */
const ANSWERED: ReadonlySet<string> = new Set([
  "_log",
  "run-start",
  "run-stop",
  "safe",
  "safe-end",
]);

/** What the protocol's own commands need; `undefined`: nothing but a key. */
const RIGHT_OF_QUESTION: { readonly [C in ToHub["cmd"]]: Right | undefined } = {
  _init: undefined,
  _proof: undefined,
  _ping: undefined,
  _pong: undefined,
  _clients: undefined,
  _stats: undefined,
  _status: undefined,
  _got: undefined,
  _mailboxes: undefined,
  _close_mailbox: "admin",
  _log: "admin",
  // Of topics on which it may publish.
  _forget: undefined,
  _subscribe: undefined,
  _unsubscribe: undefined,
  _spy: "spy",
  _history: "history",
};

/** Where a message is to go. */
export interface Going {
  readonly cmd: string;
  readonly to?: string;
  readonly topic?: string;
  /** It answers another one. */
  readonly re?: string;
}

/** What who has a key may do. Each answer is why not, in words that follow "Cannot …:". */
export interface Rights {
  /** The key's ID. */
  readonly key: string;
  /** Why it may not have this name; `undefined`: it may. */
  name(name: string): string | undefined;
  /** Why it may not send this message to clients; `undefined`: it may. */
  send(message: Going): string | undefined;
  /** Why it may not publish on these topics, which may have `+` and `#`; `undefined`: it may. */
  publish(topics: string): string | undefined;
  /** Why it may not subscribe to that; `undefined`: it may. */
  subscribe(subscription: string): string | undefined;
  /** Why it may not ask the hub for that; `undefined`: it may. */
  ask(cmd: ToHub["cmd"]): string | undefined;
  /** Whether it has this right. */
  has(right: Right): boolean;
}

/** Decisions that are remembered for one key. */
const MAX_REMEMBERED = 4096;

/** Whether all that `wanted` takes is taken by `allowed` too; both are subscriptions. */
export function covers(allowed: string, wanted: string): boolean {
  const outer = allowed.split("/"), inner = wanted.split("/");
  for (const [i, level] of outer.entries()) {
    if (level === "#") return inner.length >= i;
    if (i >= inner.length || inner[i] === "#") return false;
    if (level !== "+" && level !== inner[i]) return false;
  }
  return outer.length === inner.length;
}

/** Makes the rights of a key from its entry. */
export function createRights(key: string, entry: Entry): Rights {
  const what = key === "" ? "who has no key" : `the key "${key}"`;
  const remembered = new Map<string, string | undefined>();
  const anyGlob = (globs: readonly string[], text: string) =>
    globs.some((glob) => matchesGlob(glob, text));
  const has = (right: Right) => entry.may.includes(right);
  const lacks = (right: Right) => `${what} has no right "${right}" (${RIGHT_TEXTS[right]})`;

  /** A topic is a subscription that takes itself alone. */
  function publish(topics: string): string | undefined {
    return entry.publish.some((one) => covers(one, topics))
      ? undefined
      : `${what} may not publish on "${topics}"`;
  }

  function decide({ cmd, to, topic, re }: Going): string | undefined {
    const isAnswer = re !== undefined && to !== undefined && ANSWERED.has(cmd);
    const right = isAnswer
      ? undefined
      : RIGHT_OF_COMMAND.get(cmd) ?? (cmd.startsWith("agent-") ? "run" : undefined);
    if (right !== undefined && !has(right)) return lacks(right);
    if (!anyGlob(entry.cmd, cmd)) return `${what} may not send "${cmd}"`;
    if (topic !== undefined) {
      return entry.publish.some((one) => covers(one, topic))
        ? undefined
        : `${what} may not publish on "${topic}"`;
    }
    if (to !== undefined && !anyGlob(entry.to, to)) {
      return to === EVERYONE
        ? `${what} may not send to everybody`
        : `${what} may not send to "${to}"`;
    }
    return undefined;
  }

  return {
    key,
    name: (name) =>
      anyGlob(entry.names, name)
        ? undefined
        : `${what} may not be called that; it may be ${entry.names.join(", ") || "nothing"}`,
    send(message) {
      const { cmd, to, topic, re } = message;
      const sentence = `${cmd}\n${to ?? ""}\n${topic ?? ""}\n${re === undefined ? "" : "re"}`;
      if (remembered.has(sentence)) return remembered.get(sentence);
      // A sender of ever new commands must not fill the memory.
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      const answer = decide(message);
      remembered.set(sentence, answer);
      return answer;
    },
    publish,
    subscribe: (wanted) =>
      entry.subscribe.some((one) => covers(one, wanted))
        ? undefined
        : `${what} may subscribe to ${entry.subscribe.join(", ") || "nothing"} only`,
    ask(cmd) {
      const right = RIGHT_OF_QUESTION[cmd];
      return right === undefined || has(right) ? undefined : lacks(right);
    },
    has,
  };
}
