// abcd history: the messages that went through the hub before.

import { connect } from "../lib/client.ts";
import { history } from "../lib/client/history.ts";
import { openJournalFolder } from "../lib/journal/folder.ts";
import type { JournalQuery } from "../lib/journal/query.ts";
import type { JournalRecord } from "../lib/journal/record.ts";
import { messageLine } from "../lib/terminal/message_line.ts";
import { problemWithSubscription } from "../lib/topic.ts";
import { parseDuration } from "../lib/units.ts";
import { hubFrom, toolName, useColor } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, defineCommand, EXIT, type OptionSpecs, UsageError } from "./command.ts";

/** Of every subcommand that looks back: which messages. */
export const STRETCH_OPTIONS = {
  since: { type: "text", value: "TIME", help: "from then on: 8h ago, or 2026-11-24T03:00" },
  until: { type: "text", value: "TIME", help: "up to then: 2h ago, or a date" },
  from: { type: "list", value: "NAME", help: "only what this client sent; several" },
  to: { type: "list", value: "NAME", help: "only what was for this client; several" },
  cmd: { type: "list", value: "CMD", help: "only this command; several" },
  topic: { type: "list", value: "TOPIC", help: "only these topics, with + and #; several" },
  folder: { type: "text", value: "FOLDER", help: "read these files; no hub is needed" },
} as const satisfies OptionSpecs;

/** Values of {@linkcode STRETCH_OPTIONS} that say which messages. */
export interface StretchValues {
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly cmd: readonly string[];
  readonly topic: readonly string[];
}

/**
 * Unix time in seconds of a moment: so long ago (`8h`), or a date as ISO 8601 writes it.
 *
 * @throws {UsageError} If it is neither.
 */
export function momentFrom(option: string, text: string, nowSec: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return nowSec - ago;
  const date = Date.parse(text);
  if (!Number.isNaN(date)) return date / 1000;
  throw new UsageError(
    `Cannot read --${option}: "${text}" is neither a length of time, like 8h, nor a date, like 2026-11-24T03:00`,
  );
}

/** What the options ask for. */
export function queryFrom(options: StretchValues, nowSec: number): JournalQuery {
  for (const topic of options.topic) {
    const problem = problemWithSubscription(topic);
    if (problem !== undefined) throw new UsageError(`Cannot read --topic "${topic}": ${problem}`);
  }
  const some = (names: readonly string[]) => names.length === 0 ? undefined : names;
  const moment = (option: "since" | "until") => {
    const text = options[option];
    return text === undefined ? undefined : momentFrom(option, text, nowSec);
  };
  return {
    since: moment("since"),
    until: moment("until"),
    from: some(options.from),
    to: some(options.to),
    cmd: some(options.cmd),
    topic: some(options.topic),
  };
}

/** The records of a journal's files. */
export async function* recordsIn(
  folder: string,
  query: JournalQuery,
  signal: AbortSignal,
): AsyncGenerator<JournalRecord> {
  const journal = await openJournalFolder(folder);
  for await (const { record } of journal.read(query, { signal })) yield record;
}

const ENVELOPE = ["seq", "at", "from", "to", "topic", "cmd"] as const;

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Makes records into lines of CSV: the envelope, a column for each field that the first message has,
 * and a last column with those that only others have, as JSON.
 */
export function csvLines(): (record: JournalRecord) => string {
  const hidden = new Set<string>([...ENVELOPE, "time"]);
  let columns: string[] | undefined;
  return ({ seq, at, message }) => {
    const fields = Object.keys(message).filter((key) => !hidden.has(key));
    let head = "";
    if (columns === undefined) {
      columns = fields;
      head = [...ENVELOPE, ...columns, "more"].map(cell).join(",") + "\n";
    }
    const known = columns;
    const more = fields.filter((key) => !known.includes(key));
    const { from, to, topic, cmd } = message;
    return head + [
      seq,
      at,
      from,
      to,
      topic,
      cmd,
      ...known.map((key) => message[key]),
      more.length === 0 ? undefined : Object.fromEntries(more.map((key) => [key, message[key]])),
    ].map(cell).join(",");
  };
}

const encoder = new TextEncoder();

function writeOut(text: string): void {
  for (let bytes = encoder.encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  }
}

export default defineCommand({
  name: "history",
  summary: "show messages that went through the hub before",
  description:
    "Shows what the hub kept in its journal, oldest first. It asks the hub; with --folder it reads the journal's files, also while no hub runs.",
  options: {
    ...STRETCH_OPTIONS,
    json: { type: "flag", help: "one JSON object a line" },
    csv: {
      type: "flag",
      help: "a table for other programs; columns as the first message has them",
    },
    count: { type: "number", value: "N", help: "end after N messages" },
    timeout: {
      type: "seconds",
      value: "SECONDS",
      default: 10,
      help: "give up if no hub is found in this time",
    },
    ...CLIENT_OPTIONS,
  },
  needs: ["net", "read", "env", "sys"],
  examples: [
    ["abcd history --since 8h --from hv --cmd monit --csv", "a night of high voltage, as a table"],
    ["abcd history --since 2026-11-24T03:00 --until 5m --topic 'run/#'", "between two moments"],
  ],
  async run({ options, stop }) {
    if (options.json && options.csv) throw new UsageError("Cannot write both --json and --csv");
    const query = queryFrom(options, Date.now() / 1000);
    const limit = options.count ?? Infinity;
    const color = useColor(Deno.stdout);
    const csv = csvLines();
    const line = (record: JournalRecord) =>
      options.csv
        ? csv(record)
        : options.json
        ? JSON.stringify(record.message)
        : messageLine(record.message, { color });
    const show = async (records: AsyncIterable<JournalRecord>) => {
      let count = 0;
      if (limit === 0) return;
      for await (const record of records) {
        writeOut(line(record) + "\n");
        if (++count >= limit) return;
      }
    };
    try {
      if (options.folder !== undefined) {
        await show(recordsIn(options.folder, query, stop));
        return EXIT.done;
      }
      await using client = await connect({
        name: toolName(options, "history"),
        unique: true,
        ...hubFrom(options),
        timeoutSec: options.timeout,
        signal: stop,
        info: { program: "abcd history" },
      });
      await show(history(client, query, { signal: stop }));
      return EXIT.done;
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return EXIT.done;
      if (stop.aborted) return EXIT.failed;
      throw new CommandError(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  },
});
