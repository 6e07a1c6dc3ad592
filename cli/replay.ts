// abcd replay: sends a recorded stretch into a hub again, to rehearse a night.

import { BufferFullError, type Client, connect, type Outgoing } from "../lib/client.ts";
import { history } from "../lib/client/history.ts";
import { HUB_NAME } from "../lib/message.ts";
import { hubFrom, saySeveral, toolName } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { queryFrom, recordsIn, STRETCH_OPTIONS } from "./history.ts";
import { pause } from "../lib/pause.ts";

/** Messages sent before it is asked whether the hub has them. */
const FLUSH_EVERY = 500;

export default defineCommand({
  name: "replay",
  summary: "send recorded messages into a hub again",
  description:
    "Sends a stretch of a journal again, in the order and at the distances in time it had. Every sender joins under its name, or NAME-2 if that is taken; what belongs to the protocol, and what the hub said, is left out. So is what was sent to single programs: one that is there would do again what it was told last night, set a voltage or start a run. With --all, or for those that --to names, that is sent too.",
  options: {
    ...STRETCH_OPTIONS,
    speed: {
      type: "number",
      value: "N",
      default: 1,
      help: "so many times as fast as it was; 0: as fast as it goes",
    },
    all: {
      type: "flag",
      help: "also what was for single programs, which do it again, and last values as such",
    },
    as: { type: "text", value: "NAME", help: "one client of this name sends it all" },
    timeout: {
      type: "seconds",
      value: "SECONDS",
      default: 10,
      help: "give up if no hub is found in this time",
    },
    ...CLIENT_OPTIONS,
  },
  needs: ["net", "read", "write", "env", "sys"],
  examples: [
    ["abcd replay --since 10h --until 2h --speed 60", "last night, in eight minutes"],
    [
      "abcd replay --all --folder old/journal --server test:9819",
      "everything, commands too, into the hub of a rehearsal",
    ],
  ],
  async run({ options, stop }) {
    const { speed, as } = options;
    const now = Date.now() / 1000;
    const query = { until: now, ...queryFrom({ ...options, until: options.until ?? "0" }, now) };
    if (!Number.isFinite(speed)) throw new UsageError("Cannot read --speed: it is not a number");
    const refused = new Map<string, number>();
    const clients = new Map<string, Client>();
    await using all = new AsyncDisposableStack();
    const join = async (name: string): Promise<Client> => {
      const known = clients.get(name);
      if (known !== undefined) return known;
      const client = all.use(
        await connect({
          name,
          unique: true,
          ...hubFrom(options),
          several: saySeveral,
          timeoutSec: options.timeout,
          signal: stop,
          info: { program: "abcd replay" },
        }),
      );
      if (client.name !== name) console.error(`"${name}" is taken; replayed as "${client.name}"`);
      client.addEventListener("refused", ({ text }) => {
        refused.set(text, (refused.get(text) ?? 0) + 1);
      });
      clients.set(name, client);
      return client;
    };
    const isForAll = options.all || options.to.length > 0;
    let sent = 0;
    let leftOut = 0;
    try {
      const records = options.folder === undefined
        ? history(await join(as ?? toolName(options, "replay")), query, { signal: stop })
        : recordsIn(options.folder, query, stop);
      let first: { at: number; start: number } | undefined;
      for await (const { at, message } of records) {
        // Nobody waits for receipts now; and a message with "ack" would be taken for one sent again.
        const { from: sender, time: _time, ack: _ack, ...rest } = message;
        if (sender === undefined || sender === HUB_NAME || message.cmd.startsWith("_")) continue;
        if (rest.to === HUB_NAME) continue;
        if (rest.topic === undefined && !isForAll) {
          leftOut++;
          continue;
        }
        // What was the last value then is none of now.
        if (!options.all) delete rest.retain;
        first ??= { at, start: performance.now() };
        if (speed > 0) {
          const due = first.start + (at - first.at) / speed * 1000;
          await pause(due - performance.now(), stop);
        }
        stop.throwIfAborted();
        const client = await join(as ?? sender);
        const flush = () => client.flush({ timeoutSec: options.timeout, signal: stop });
        try {
          client.send(rest as Outgoing);
        } catch (error) {
          if (!(error instanceof BufferFullError)) throw error;
          await flush();
          client.send(rest as Outgoing);
        }
        // Also between senders: one must not overtake another by far.
        if (++sent % FLUSH_EVERY === 0) await flush();
      }
      for (const client of clients.values()) {
        await client.flush({ timeoutSec: options.timeout, signal: stop });
      }
    } catch (error) {
      if (!stop.aborted) {
        throw new CommandError(error instanceof Error ? error.message : String(error), {
          cause: error,
        });
      }
    }
    for (const [text, count] of refused) console.error(`refused ${count} times: ${text}`);
    console.error(`${sent} messages sent`);
    if (leftOut > 0) {
      console.error(
        `${leftOut} to single programs are left out, as they would do again what they were told; --all sends them too`,
      );
    }
    return refused.size === 0 && !stop.aborted ? EXIT.done : EXIT.failed;
  },
});
