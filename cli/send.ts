// abcd send: one message, or many, from the shell.

import {
  BufferFullError,
  type Client,
  connect,
  type Outgoing,
  RefusedError,
} from "../lib/client.ts";
import {
  checkMessage,
  isClientName,
  type Json,
  type Message,
  MessageError,
} from "../lib/message.ts";
import { hubFrom, nameError, saySeveral, toolName } from "./common.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, defineCommand, EXIT, UsageError } from "./command.ts";

function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UsageError(
      `Cannot read ${what} as JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function asMessage(value: unknown): Outgoing {
  try {
    const { from, ...message } = checkMessage(value);
    if (from !== undefined) {
      throw new UsageError('Cannot send "from": the hub sets it; choose the name with --as');
    }
    return message as Outgoing;
  } catch (error) {
    throw error instanceof MessageError ? new UsageError(error.message) : error;
  }
}

/** The message that the arguments say: one JSON object, or `key=string` and `key:=json`. */
export function messageFromArgs(args: readonly string[]): Outgoing {
  const [first = ""] = args;
  if (args.length === 1 && first.trimStart().startsWith("{")) {
    return asMessage(parseJson(first, "the message"));
  }
  const fields = new Map<string, Json>();
  for (const arg of args) {
    const at = arg.indexOf("=");
    const isJson = arg[at - 1] === ":";
    const key = arg.slice(0, isJson ? at - 1 : at);
    if (at < 0 || key === "") {
      throw new UsageError(`Cannot read "${arg}": it is not key=text or key:=json`);
    }
    if (fields.has(key)) throw new UsageError(`Cannot send "${key}" twice in one message`);
    const value = arg.slice(at + 1);
    fields.set(key, isJson ? parseJson(value, `the value of "${key}"`) : value);
  }
  return asMessage(Object.fromEntries(fields));
}

async function* lines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  yield rest;
}

async function* messages(args: readonly string[]): AsyncGenerator<Outgoing> {
  if (args.length !== 1 || args[0] !== "-") {
    yield messageFromArgs(args);
    return;
  }
  let number = 0;
  for await (const line of lines()) {
    number++;
    if (line.trim() !== "") yield asMessage(parseJson(line, `line ${number}`));
  }
}

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
    "The message is given field by field, key=text or key:=json, or as one JSON object; with - every line of standard input is a message.\n\nThe exit code is 0 only if the hub has delivered it all. What goes to a client that is not there is an error.",
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
      const lost = Promise.withResolvers<never>();
      lost.promise.catch(() => {});
      client.addEventListener("lost", ({ reason }) => {
        lost.reject(new Error(`Cannot tell whether it was delivered: the hub was lost: ${reason}`));
      });
      const flush = async () => {
        await Promise.race([
          client.flush({ timeoutSec: options.timeout, signal: stop }),
          lost.promise,
        ]);
        sent.clear();
      };
      const deliver = async (message: Outgoing) => {
        try {
          const receipt = await client.deliver(message, {
            timeoutSec: options.timeout,
            signal: stop,
          });
          if (receipt.mailbox && receipt.receivers === 0) {
            console.error(`It waits for "${message.to}", which is away`);
          }
        } catch (error) {
          if (error instanceof RefusedError) return report(error, message);
          failures++;
          console.error(error instanceof Error ? error.message : String(error));
        }
      };
      for await (const message of fromArgs === undefined ? messages(args) : [fromArgs]) {
        stop.throwIfAborted();
        const out = { ...message, id: message.id ?? crypto.randomUUID() };
        if (options.wait !== undefined) {
          try {
            await printReplies(client, out, options.wait, stop);
          } catch (error) {
            if (!(error instanceof RefusedError)) throw error;
            await report(error, out);
          }
          continue;
        }
        if (options.ack) {
          reports.push(deliver(out));
          if (reports.length >= MOST_ON_THEIR_WAY) await Promise.all(reports.splice(0));
          continue;
        }
        sent.set(out.id, out);
        try {
          client.send(out);
        } catch (error) {
          if (!(error instanceof BufferFullError)) throw error;
          sent.delete(out.id);
          await flush();
          sent.set(out.id, out);
          client.send(out);
        }
        if (sent.size >= MOST_ON_THEIR_WAY) await flush();
      }
      await flush();
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
