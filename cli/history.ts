// abcd history: the messages that went through the hub before.

import { connect } from "../lib/client.ts";
import { history } from "../lib/client/history.ts";
import { openJournalFolder } from "../lib/journal/folder.ts";
import type { JournalQuery } from "../lib/journal/query.ts";
import type { JournalRecord } from "../lib/journal/record.ts";
import { dateAndTime } from "../lib/log.ts";
import { createDayLines } from "../lib/terminal/day_lines.ts";
import { messageLine } from "../lib/terminal/message_line.ts";
import { problemWithSubscription } from "../lib/topic.ts";
import { hubFrom, saySeveral, toolName, useColor } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { momentFrom } from "./moment.ts";
import { openStandardOutput } from "./standard_output.ts";
import { CommandError, defineCommand, EXIT, type OptionSpecs, UsageError } from "./command.ts";

/** Of every subcommand that looks back: which messages. */
export const STRETCH_OPTIONS = {
  since: { type: "text", value: "TIME", help: "from then on: 8h ago, 03:00, 2026-11-24T03:00" },
  until: { type: "text", value: "TIME", help: "up to then, written in the same ways" },
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
 * What the options ask for.
 *
 * @throws {UsageError} If one cannot be read, or nothing can lie between the two moments.
 */
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
  const since = moment("since");
  const until = moment("until");
  if (since !== undefined && until !== undefined && until < since) {
    throw new UsageError(
      `Cannot look from --since, ${whenText(since)}, to --until, ${
        whenText(until)
      }: that is before it`,
    );
  }
  return {
    since,
    until,
    from: some(options.from),
    to: some(options.to),
    cmd: some(options.cmd),
    topic: some(options.topic),
  };
}

/** A moment in full, for people. */
function whenText(unixSec: number): string {
  return dateAndTime(new Date(unixSec * 1000)).replace(/\.\d+/, "");
}

/** What is said when nothing was found; it tells where that was, and how the moments were read. */
function nothingText({ since, until }: JournalQuery, where: string): string {
  const from = since === undefined ? "" : ` from ${whenText(since)} on`;
  const to = until === undefined ? "" : ` up to ${whenText(until)}`;
  return `No such message in ${where}${from}${to}`;
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

/** Characters that wait for who reads: several of the largest messages. */
const MOST_WAITING = 16 * 1024 ** 2;

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

export default defineCommand({
  name: "history",
  summary: "show messages that went through the hub before",
  description:
    "Shows what the hub kept in its journal, oldest first. It asks the hub; with --folder it reads the journal's files, also while no hub runs. A TIME is so long ago, a time of day (the last one), a date, or a Unix time; without a zone it is the time here.",
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
    const dayLine = createDayLines(Date.now() / 1000);
    const line = (record: JournalRecord) => {
      if (options.csv) return csv(record);
      if (options.json) return JSON.stringify(record.message);
      const day = dayLine(record.at);
      return `${day === undefined ? "" : `${day}\n`}${messageLine(record.message, { color })}`;
    };
    // A pager may take its time, and the hub's pings are to be answered meanwhile.
    const output = openStandardOutput({
      stop,
      mostWaiting: MOST_WAITING,
      missed: (count) => console.error(`${count} messages were too large to show`),
    });
    const show = async (records: AsyncIterable<JournalRecord>, where: string) => {
      let count = 0;
      if (limit === 0) return;
      for await (const record of records) {
        output.write(line(record));
        await output.hasRoom();
        if (++count >= limit || output.isGone || stop.aborted) break;
      }
      await output.written();
      if (output.isGone) await output.gone;
      if (count === 0 && !stop.aborted) console.error(nothingText(query, where));
    };
    try {
      if (options.folder !== undefined) {
        await show(recordsIn(options.folder, query, stop), options.folder);
        return stop.aborted ? EXIT.failed : EXIT.done;
      }
      await using client = await connect({
        name: toolName(options, "history"),
        unique: true,
        ...hubFrom(options),
        several: saySeveral,
        timeoutSec: options.timeout,
        signal: stop,
        info: { program: "abcd history" },
      });
      await show(history(client, query, { signal: stop }), `hub "${client.hub?.name}"`);
      return stop.aborted ? EXIT.failed : EXIT.done;
    } catch (error) {
      if (stop.aborted) return EXIT.failed;
      throw new CommandError(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  },
});
