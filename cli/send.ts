// abcd send: one message, or many, from the shell.

import {
  BufferFullError,
  type Client,
  connect,
  type Outgoing,
  type Receipt,
  RefusedError,
} from "../lib/client.ts";
import { isClientName, type Message } from "../lib/message.ts";
import { hubFrom, nameError, saySeveral, toolName } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";
import { messageLines } from "./message_lines.ts";
import { messageFromArgs } from "./send_message.ts";
import { createSafeSending } from "./send_safely.ts";

async function say(client: Client, refusal: RefusedError, message: Message): Promise<string> {
  if (refusal.code !== "unknown-client") return refusal.message;
  const what = `Cannot deliver to "${message.to}": no client of that name is in the hub`;
  let there: string[];
  try {
    there = (await client.clients()).map(({ name }) => name).filter((name) => name !== client.name);
  } catch {
    return what; // the hub was lost, or the next line was no message: who is there is not known
  }
  return there.length === 0
    ? `${what}; nobody else is there`
    : `${what}; there are: ${there.sort().join(", ")}`;
}

/** Replies that are not the last: `abcd exec` answers with output, piece by piece, then with the end. */
const MORE_COMES = ["exec-output"];

/** Sends a message and prints the replies to it, until the last. */
async function printReplies(
  client: Client,
  message: Outgoing & { readonly id: string },
  timeoutSec: number,
  signal: AbortSignal,
): Promise<void> {
  const last = Promise.withResolvers<void>();
  const off = client.on("*", (reply) => {
    if (reply.re !== message.id || reply.cmd === "_error") return;
    console.log(JSON.stringify(reply));
    if (!MORE_COMES.includes(reply.cmd)) last.resolve();
  });
  const late = setTimeout(() => {
    last.reject(
      new Error(`Cannot get the end of the answer from ${message.to}: in ${timeoutSec} s`),
    );
  }, Math.min(timeoutSec * 1000, 2 ** 31 - 1));
  const stopped = () => last.reject(signal.reason);
  signal.addEventListener("abort", stopped);
  try {
    await client.request(message, { timeoutSec, signal });
    await last.promise;
  } finally {
    off();
    clearTimeout(late);
    signal.removeEventListener("abort", stopped);
    last.promise.catch(() => {});
  }
}

/** Messages that are sent before it is waited for what becomes of them. */
const MOST_ON_THEIR_WAY = 1000;

export default defineCommand({
  name: "send",
  summary: "send a message from the shell",
  usage: "KEY=TEXT… | KEY:=JSON… | JSON | -",
  description:
    "The message is given field by field, key=text or key:=json, or as one JSON object; with - every line of standard input is a message: one that is none is said, the next are sent all the same, also through a restart of the hub.\n\nThe exit code is 0 only if the hub has delivered it all. What goes to a client that is not there is an error.",
  options: {
    as: { type: "text", value: "NAME", help: "the name to join under" },
    wait: {
      type: "seconds",
      value: "SECONDS",
      help:
        "wait this long for the reply, and print it as JSON; of exec: all it writes, and its end",
    },
    ack: {
      type: "flag",
      help:
        "done only when the message is safe: on the hub's disk, and with its receiver or in its mailbox",
    },
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
    ["abcd send to=hv cmd=set channel:=3", "a text and a number"],
    ["abcd send --wait 5 to=hv cmd=get channel:=3", "ask, and print the answer"],
    ["abcd send --ack to=hv cmd=off", "and be sure that it is not lost, whatever crashes"],
    [
      "abcd send topic=run/state cmd=state run:=7 retain:=true",
      "kept as the topic's last value, for who subscribes later",
    ],
    [`abcd send '{"topic":"run/state","cmd":"start"}'`, "to everyone subscribed"],
    [
      'abcd send to=daq2 cmd=exec line="df -h" --wait 10',
      "a command on the computer of an abcd exec",
    ],
    ["abcd send - < messages.ndjson", "one message a line"],
  ],
  arity: [1, Infinity],
  async run({ options, args, stop }) {
    if (options.as !== undefined && !isClientName(options.as)) throw nameError(options.as);
    if (options.ack && options.wait !== undefined) {
      throw new UsageError("Cannot use --ack with --wait: the reply says more than the receipt");
    }
    // What is wrong with the arguments is said before a hub is looked for.
    const fromArgs = args.length === 1 && args[0] === "-" ? undefined : messageFromArgs(args);
    const isStream = fromArgs === undefined;
    try {
      await using client = await connect({
        name: options.as ?? toolName(options, "send"),
        unique: true,
        ...hubFrom(options),
        several: saySeveral,
        timeoutSec: options.timeout,
        signal: stop,
        info: { program: "abcd send" },
      });
      let failures = 0;
      const sent = new Map<string, Message>();
      const reports: Promise<void>[] = [];
      const report = async (refusal: RefusedError, message: Message) => {
        failures++;
        console.error(await say(client, refusal, message));
      };
      client.addEventListener("refused", ({ code, text, re }) => {
        const message = re === undefined ? undefined : sent.get(re);
        if (message !== undefined) reports.push(report(new RefusedError(code, text), message));
      });
      const fail = (error: unknown) => {
        failures++;
        console.error(error instanceof Error ? error.message : String(error));
      };
      const lost = Promise.withResolvers<never>();
      lost.promise.catch(() => {});
      let losses = 0;
      client.addEventListener("lost", ({ reason }) => {
        losses++;
        const what = isStream ? `${sent.size} messages were` : "it was";
        const error = new Error(
          `Cannot tell whether ${what} delivered: the hub was lost: ${reason}`,
        );
        if (!isStream) lost.reject(error);
        else if (sent.size > 0) fail(error);
        sent.clear();
      });
      /** Waits until the hub has what was sent; while more may come also through its restart. */
      const flush = async (isLast: boolean) => {
        for (;;) {
          const before = losses;
          try {
            const timeoutSec = options.timeout;
            await Promise.race([client.flush({ timeoutSec, signal: stop }), lost.promise]);
            break;
          } catch (error) {
            const isAway = losses > before || !client.joined;
            if (!isStream || stop.aborted || !isAway || (isLast && losses === before)) throw error;
          }
        }
        sent.clear();
      };
      let isConfirming = false;
      /** Learns what the hub has, beside what goes on: after a loss only the rest is not known. */
      const confirm = async () => {
        if (isConfirming) return;
        isConfirming = true;
        const before = [...sent.keys()];
        try {
          await client.flush({ signal: stop });
          for (const id of before) sent.delete(id);
        } catch {
          // the hub was lost, or has much to do; the next one tells
        }
        isConfirming = false;
      };
      const away = new Set<string>();
      const sayWaits = ({ mailbox, receivers }: Receipt, { to = "" }: Outgoing) => {
        if (receivers > 0) away.delete(to);
        else if (mailbox && !away.has(to)) {
          console.error(`It waits for "${to}", which is away`);
          away.add(to);
        }
      };
      const safely = createSafeSending({
        client,
        timeoutSec: options.timeout,
        stop,
        done: sayWaits,
        failed(error, message) {
          if (error instanceof RefusedError) reports.push(report(error, message));
          else fail(error);
        },
      });
      const deliver = async (message: Outgoing) => {
        try {
          const patience = { timeoutSec: options.timeout, signal: stop };
          sayWaits(await client.deliver(message, patience), message);
        } catch (error) {
          if (error instanceof RefusedError) return report(error, message);
          fail(error);
        }
      };
      for await (const message of isStream ? messageLines(Deno.stdin.readable) : [fromArgs]) {
        stop.throwIfAborted();
        if (message instanceof Error) {
          fail(message);
          continue;
        }
        const out = { ...message, id: message.id ?? crypto.randomUUID() };
        if (options.wait !== undefined) {
          try {
            await printReplies(client, out, options.wait, stop);
          } catch (error) {
            if (error instanceof RefusedError) await report(error, out);
            else if (!isStream || stop.aborted) throw error;
            else fail(error);
          }
          continue;
        }
        if (options.ack) {
          if (isStream) await safely.put(out);
          else reports.push(deliver(out));
          continue;
        }
        sent.set(out.id, out);
        try {
          client.send(out);
        } catch (error) {
          sent.delete(out.id);
          if (!(error instanceof BufferFullError)) {
            if (!isStream) throw error;
            fail(error);
            continue;
          }
          await flush(false);
          sent.set(out.id, out);
          client.send(out);
        }
        if (sent.size >= MOST_ON_THEIR_WAY) await flush(false);
        else if (isStream) void confirm();
      }
      if (isStream && options.ack) await safely.end();
      else await flush(true);
      await Promise.all(reports);
      return failures === 0 ? EXIT.done : EXIT.failed;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      if (error instanceof TypeError) throw new UsageError(error.message);
      throw new CommandError(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  },
});
