// The lines of the ledger: what the hub remembers of mailboxes and topics. Pure.
//
//   {"is":"ledger","id":UUID,"last":N}           who kept it; the number of the last mail so far
//   {"is":"mailbox","of":NAME,"used":MS}         the name has a mailbox; when its owner was last here
//   {"is":"mail","of":NAME,"n":N,"until":MS,"m":MESSAGE}
//   {"is":"got","of":NAME,"n":N}                 all of its mail up to this number is done with
//   {"is":"old","of":NAME,"all":[N, ...]}        these were too old, and were taken out
//   {"is":"no mailbox","of":NAME}
//   {"is":"value","of":TOPIC,"until":MS|null,"m":MESSAGE}   the last value of a topic
//   {"is":"no value","of":TOPIC}

import { checkMessage, type Message } from "../message.ts";

/** One line, read. Times in milliseconds since 1970. */
export type LedgerLine =
  | { readonly is: "ledger"; readonly id: string; readonly last: number }
  | { readonly is: "mailbox"; readonly of: string; readonly used: number }
  | {
    readonly is: "mail";
    readonly of: string;
    readonly n: number;
    readonly until: number;
    readonly m: Message;
  }
  | { readonly is: "got"; readonly of: string; readonly n: number }
  | { readonly is: "old"; readonly of: string; readonly all: readonly number[] }
  | { readonly is: "no mailbox"; readonly of: string }
  | {
    readonly is: "value";
    readonly of: string;
    readonly until: number | undefined;
    readonly m: Message;
  }
  | { readonly is: "no value"; readonly of: string };

/** The line of a mail, whose message is JSON already. */
export function mailLine(of: string, n: number, until: number, text: string): string {
  return `{"is":"mail","of":${JSON.stringify(of)},"n":${n},"until":${until},"m":${text}}`;
}

/** The line of a topic's last value, whose message is JSON already. */
export function valueLine(of: string, until: number | undefined, text: string): string {
  return `{"is":"value","of":${JSON.stringify(of)},"until":${until ?? null},"m":${text}}`;
}

/** Any other line. */
export function encodeLine(
  line: Exclude<LedgerLine, { readonly is: "mail" | "value" }>,
): string {
  return JSON.stringify(line);
}

function messageFrom(value: unknown): Message | undefined {
  try {
    return checkMessage(value, { maxNesting: Infinity });
  } catch {
    return undefined;
  }
}

/** Reads a line; `undefined` if it is none, or one of a newer hub. */
export function parseLine(text: string): LedgerLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { is, id, of, last, used, n, all, until, m } = value as {
    readonly [field: string]: unknown;
  };
  if (is === "ledger") {
    return typeof id === "string" && typeof last === "number" ? { is, id, last } : undefined;
  }
  if (typeof of !== "string") return undefined;
  switch (is) {
    case "mailbox":
      return typeof used === "number" ? { is, of, used } : undefined;
    case "got":
      return typeof n === "number" ? { is, of, n } : undefined;
    case "old":
      return Array.isArray(all) && all.every((one) => typeof one === "number")
        ? { is, of, all }
        : undefined;
    case "no mailbox":
    case "no value":
      return { is, of };
    case "mail": {
      const message = messageFrom(m);
      if (message === undefined || typeof n !== "number" || typeof until !== "number") return;
      return { is, of, n, until, m: message };
    }
    case "value": {
      const message = messageFrom(m);
      if (message === undefined) return undefined;
      return { is, of, until: typeof until === "number" ? until : undefined, m: message };
    }
    default:
      return undefined;
  }
}
