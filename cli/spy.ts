// abcd spy: every message that goes through the hub, as it goes.

import { type Client, type ConnectOptions, createClient } from "../lib/client.ts";
import { spySince } from "../lib/client/backlog.ts";
import { isClientName, type Message, type MessageFilter } from "../lib/message.ts";
import { timeOfDay } from "../lib/log.ts";
import { createRotatingFile, type RotatingFile } from "../lib/process/log_file.ts";
import { createDayLines } from "../lib/terminal/day_lines.ts";
import { messageLine } from "../lib/terminal/message_line.ts";
import { terminalSize } from "../lib/terminal/size.ts";
import { problemWithSubscription } from "../lib/topic.ts";
import { hubFrom, nameError, saySeveral, toolName, useColor } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { openStandardError } from "./standard_error.ts";
import { openStandardOutput } from "./standard_output.ts";
import { momentFrom } from "./moment.ts";

type Field = "from" | "to" | "cmd" | "topic";

/**
 * The filter that `--only` says: `from=hv`, `!cmd=_ping` or `cmd!=_ping`, several. Those of one field
 * are alternatives, those of different fields must all hold.
 *
 * @throws {UsageError} If one cannot be read.
 */
function filterFrom(conditions: readonly string[]): MessageFilter | undefined {
  if (conditions.length === 0) return undefined;
  const wanted: { [F in Field]?: string[] } = {};
  const not: MessageFilter[] = [];
  for (const condition of conditions) {
    const match = /^(!?)(from|to|cmd|topic)(!?)=(.+)$/s.exec(condition);
    if (match === null) {
      throw new UsageError(
        `Cannot read --only "${condition}": it is not from=, to=, cmd= or topic=, or one of them with !=`,
      );
    }
    const [, before, name, behind, value = ""] = match;
    const field = name as Field;
    const problem = field === "topic" ? problemWithSubscription(value) : undefined;
    if (problem !== undefined) {
      throw new UsageError(`Cannot read --only "${condition}": ${problem}`);
    }
    // Negated twice is not negated.
    if ((before === "!") !== (behind === "!")) not.push({ [field]: [value] });
    else (wanted[field] ??= []).push(value);
  }
  return not.length === 0 ? wanted : { ...wanted, not };
}

const encoder = new TextEncoder();

/** Characters that wait for who reads the messages: a pager that is stopped, a terminal after Ctrl-S. */
const MOST_WAITING = 16 * 1024 ** 2;

/** The file that is written too; that it cannot be written is said now, not at the first message. */
function openLog(path: string, maxBytes: number): RotatingFile {
  try {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (folder !== "") Deno.mkdirSync(folder, { recursive: true });
    Deno.openSync(path, { append: true, create: true }).close();
  } catch (error) {
    throw new CommandError(
      `Cannot write ${path}: ${error instanceof Error ? error.message : error}`,
    );
  }
  return createRotatingFile({ path, maxBytes });
}

/** A client that looks for the hub; an address that is none is wrong usage. */
function createSpy(options: ConnectOptions): Client {
  try {
    return createClient(options);
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}

export default defineCommand({
  name: "spy",
  summary: "show the messages that go through the hub",
  description:
    "Shows every message as it goes through the hub, whoever it is for, until Ctrl-C. It waits for a hub that is not there yet, and stays through its restarts. The exit code is 1 if --for is over and there was no hub, or fewer messages than --count.",
  options: {
    only: {
      type: "list",
      value: "FIELD=VALUE",
      help: "only these: from=, to=, cmd=, topic= (with + and #); with != all but these; several",
    },
    json: { type: "flag", help: "one JSON object a line" },
    since: {
      type: "text",
      value: "TIME",
      help: "first what the hub kept since then: 10m ago, 03:00, 2026-11-24T03:00",
    },
    count: { type: "number", value: "N", help: "end after N messages" },
    for: { type: "seconds", value: "SECONDS", help: "end after this time" },
    log: { type: "text", value: "FILE", help: "write them here too, as JSON lines, with rotation" },
    "log-size": {
      type: "number",
      value: "BYTES",
      default: 10 * 1024 ** 2,
      help: "size at which the file is moved aside; ten of them are kept",
    },
    as: { type: "text", value: "NAME", help: "the name to join under" },
    ...CLIENT_OPTIONS,
  },
  needs: ["net", "read", "write", "env", "sys"],
  examples: [
    ["abcd spy", "everything"],
    ["abcd spy --since 10m", "the last ten minutes, and on from there"],
    ["abcd spy --only from=hv --only cmd!=state", "what hv says, but for its states"],
    ["abcd spy --json --count 1 --only topic=vacuum/#", "the next message on these topics"],
  ],
  async run({ options, stop }) {
    const only = filterFrom(options.only);
    const since = options.since === undefined
      ? undefined
      : momentFrom("since", options.since, Date.now() / 1000);
    const limit = options.count ?? Infinity;
    if (limit === 0) return EXIT.done;
    if (options.as !== undefined && !isClientName(options.as)) throw nameError(options.as);
    using file = options.log === undefined ? undefined : openLog(options.log, options["log-size"]);
    const color = useColor(Deno.stdout);
    const end = Promise.withResolvers<void>();
    let count = 0;
    let isOver = false;
    let hasJoined = false;

    // Neither the file nor the spy's place in the hub is to wait for who reads what is shown.
    const errors = openStandardError(() => {});
    const say = (text: string) => errors.write(text);
    const output = openStandardOutput({
      stop,
      mostWaiting: MOST_WAITING,
      missed: (missed, since) =>
        say(
          `${missed} messages since ${
            timeOfDay(new Date(since))
          } are not shown, as nobody read them${
            options.log === undefined ? "" : `; they are in ${options.log}`
          }`,
        ),
    });
    output.gone.then(end.resolve, end.reject);

    const dayLine = createDayLines(Date.now() / 1000);
    /** `at`: when the hub had it, if that is not now, in Unix time in seconds. */
    const show = (message: Message, at?: number): void | Promise<void> => {
      // Behind the end there are the spy's own last words.
      if (isOver || count >= limit) return;
      const json = JSON.stringify(message);
      const width = options.json ? undefined : terminalSize()?.columns;
      const day = options.json ? undefined : dayLine(at ?? Date.now() / 1000);
      if (day !== undefined) output.write(day);
      output.write(options.json ? json : messageLine(message, { width, color }));
      try {
        file?.write(encoder.encode(json + "\n"));
      } catch (error) {
        return end.reject(error);
      }
      if (++count >= limit) end.resolve();
      return output.hasRoom();
    };

    await using client = createSpy({
      name: options.as ?? toolName(options, "spy"),
      unique: true,
      ...hubFrom(options),
      several: saySeveral,
      info: { program: "abcd spy" },
    });
    client.addEventListener("searching", ({ reason }) => say(`searching: ${reason}`));
    client.addEventListener("joined", ({ name, hub, address, again }) => {
      hasJoined = true;
      say(`joined${again ? " again" : ""}: hub "${hub}" at ${address}, as ${name}`);
    });
    client.addEventListener("lost", ({ reason }) => say(`lost: ${reason}`));
    client.addEventListener("refused", ({ text }) => say(`refused: ${text}`));
    client.addEventListener("error", ({ error }) => say(`error: ${error.message}`));
    const over = new AbortController();
    if (since === undefined) {
      client.spy(only, (message) => void show(message));
    } else {
      const off = client.addEventListener("joined", () => {
        off();
        spySince(client, since, only, show, { signal: over.signal }).catch(end.reject);
      });
    }

    let isTimeUp = false;
    const timer = options.for === undefined ? undefined : setTimeout(() => {
      isTimeUp = true;
      end.resolve();
    }, Math.min(options.for * 1000, 2 ** 31 - 1));
    const stopped = () => end.resolve();
    stop.addEventListener("abort", stopped);
    if (stop.aborted) stopped();
    try {
      await end.promise;
    } catch (error) {
      throw new CommandError(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    } finally {
      isOver = true;
      over.abort();
      clearTimeout(timer);
      // Whoever is slow gets what was seen, unless somebody wants an end now.
      await output.written();
      stop.removeEventListener("abort", stopped);
    }
    if (isTimeUp && !hasJoined) throw new CommandError(`Cannot spy: no hub in ${options.for} s`);
    return isTimeUp && options.count !== undefined ? EXIT.failed : EXIT.done;
  },
});
