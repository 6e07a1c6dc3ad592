// abcd spy: every message that goes through the hub, as it goes.

import { createClient } from "../lib/client.ts";
import { spySince } from "../lib/client/backlog.ts";
import type { Message, MessageFilter } from "../lib/message.ts";
import { createRotatingFile } from "../lib/process/log_file.ts";
import { messageLine } from "../lib/terminal/message_line.ts";
import { problemWithSubscription } from "../lib/topic.ts";
import { CLIENT_OPTIONS, useColor } from "./common.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { momentFrom } from "./history.ts";

type Field = "from" | "to" | "cmd" | "topic";

/**
 * The filter that `--only` says: `from=hv`, `!cmd=_ping` or `cmd!=_ping`, several. Those of one field
 * are alternatives, those of different fields must all hold.
 *
 * @throws {UsageError} If one cannot be read.
 */
export function filterFrom(conditions: readonly string[]): MessageFilter | undefined {
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

function terminalWidth(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();

function writeOut(text: string): void {
  for (let bytes = encoder.encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  }
}

export default defineCommand({
  name: "spy",
  summary: "show the messages that go through the hub",
  description:
    "Shows every message as it goes through the hub, whoever it is for, until Ctrl-C. It waits for a hub that is not there yet, and stays through its restarts.",
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
      help: "first what the hub kept since then: 10m ago, or 2026-11-24T03:00",
    },
    count: { type: "number", value: "N", help: "end after N messages" },
    for: { type: "seconds", value: "SECONDS", help: "end after this time" },
    log: { type: "text", value: "FILE", help: "write them here too, as JSON lines, with rotation" },
    as: { type: "text", value: "NAME", default: "spy", help: "the name to join under" },
    ...CLIENT_OPTIONS,
  },
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
    using file = options.log === undefined ? undefined : createRotatingFile({ path: options.log });
    const color = useColor(Deno.stdout);
    const end = Promise.withResolvers<void>();
    let count = 0;

    const show = (message: Message) => {
      if (count >= limit) return;
      const json = JSON.stringify(message);
      const width = options.json ? undefined : terminalWidth();
      try {
        writeOut((options.json ? json : messageLine(message, { width, color })) + "\n");
      } catch (error) {
        // Whoever read has gone, as `head` does: that is an end, not a failure.
        if (error instanceof Deno.errors.BrokenPipe) return end.resolve();
        return end.reject(error);
      }
      try {
        file?.write(encoder.encode(json + "\n"));
      } catch (error) {
        return end.reject(error);
      }
      if (++count >= limit) end.resolve();
    };

    await using client = createClient({
      name: options.as,
      unique: true,
      server: options.server,
      hub: options.hub,
      beaconPort: options["beacon-port"],
      info: { program: "abcd spy" },
    });
    client.addEventListener("searching", ({ reason }) => console.error(`searching: ${reason}`));
    client.addEventListener("joined", ({ name, hub, address, again }) => {
      console.error(`joined${again ? " again" : ""}: hub "${hub}" at ${address}, as ${name}`);
    });
    client.addEventListener("lost", ({ reason }) => console.error(`lost: ${reason}`));
    client.addEventListener("refused", ({ text }) => console.error(`refused: ${text}`));
    client.addEventListener("error", ({ error }) => console.error(`error: ${error.message}`));
    const over = new AbortController();
    if (since === undefined) {
      client.spy(only, show);
    } else {
      const off = client.addEventListener("joined", () => {
        off();
        spySince(client, since, only, show, { signal: over.signal }).catch(end.reject);
      });
    }

    const timer = options.for === undefined
      ? undefined
      : setTimeout(() => end.resolve(), Math.min(options.for * 1000, 2 ** 31 - 1));
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
      over.abort();
      clearTimeout(timer);
      stop.removeEventListener("abort", stopped);
    }
    return EXIT.done;
  },
});
