// What the subcommands that talk to a run controller share: how it is found, asked, and waited for.

import { type Client, connect, type Outgoing, RefusedError } from "../lib/client.ts";
import { timeOfDay } from "../lib/log.ts";
import type { Message } from "../lib/message.ts";
import type { ProgramStatus } from "../lib/status/program_status.ts";
import type { VerdictLine } from "../lib/status/read_status.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { type ClientValues, hubFrom, saySeveral, toolName } from "./common.ts";
import { controllersIn, findController } from "./find_controller.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, type OptionSpecs, UsageError } from "./command.ts";

/** Of every subcommand that talks to a run controller. */
export const CONTROL_OPTIONS = {
  controller: {
    type: "text",
    value: "NAME",
    help: "the controller's name in the hub; without it run, or the only one that there is",
  },
  timeout: {
    type: "seconds",
    value: "SECONDS",
    default: 10,
    help: "give up if the hub or the controller does not answer in this time",
  },
  ...CLIENT_OPTIONS,
} as const satisfies OptionSpecs;

/** Values of {@linkcode CONTROL_OPTIONS}. */
export interface ControlValues extends ClientValues {
  readonly controller: string | undefined;
  readonly timeout: number;
}

/** A run controller, seen from a client of the hub. */
export interface RemoteController extends AsyncDisposable {
  readonly client: Client;
  /** The controller's name. */
  readonly name: string;
  /**
   * Sends it a message and resolves to its answer.
   *
   * @throws {CommandError} If it is not there, does not answer in time, or answers with an error.
   */
  ask(
    cmd: string,
    fields?: { readonly programs?: readonly string[] } & Fields,
    patience?: { readonly timeoutSec?: number; readonly signal?: AbortSignal },
  ): Promise<Message>;
}

/** Of subcommands, and of messages, whose name is no verb. */
const VERBS: { readonly [name: string]: string } = {
  status: "show the status",
  logs: "show logs",
  log: "show logs",
  why: "tell why",
  "start-run": "start a run",
  "stop-run": "stop the run",
  note: "write the note down",
  runs: "show runs",
  safe: "change what is safe",
  "make-safe": "make the experiment safe",
  "leave-safe": "say that it may go on",
};

/** For somebody who is woken at night, and finds no hub. */
const WITHOUT_HUB =
  'The programs of an experiment go on without a hub. If it is gone, start "abcd server" again, where ' +
  'it ran or on the computer of "abcd run", as the same user: "abcd run" joins it by itself, and this ' +
  'works again within seconds. If "abcd run" is gone too, start it again: it takes up the programs ' +
  "that still run.";

type Fields = { readonly [field: string]: Outgoing[string] };

async function absence(client: Client, name: string): Promise<string> {
  // With the experiment of each, so that nobody stops that of another laboratory.
  const others = (await controllersIn(client).catch(() => [])).map(({ name, info }) =>
    typeof info?.experiment === "string" ? `${name} ("${escapeControls(info.experiment)}")` : name
  );
  const start = 'start it with "abcd run FILE", which takes up the programs that still run, or ';
  return `Cannot find the controller "${name}" in hub "${client.hub?.name}"; ${
    others.length === 0
      ? `${start}name it with --controller`
      : `${start}name one of those that there are with --controller: ${others.join(", ")}`
  }`;
}

/** Joins the hub to talk to a controller. */
export async function openController(
  subcommand: string,
  options: ControlValues,
  stop: AbortSignal,
): Promise<RemoteController> {
  const { timeout: timeoutSec } = options;
  let client: Client;
  try {
    client = await connect({
      name: toolName(options, subcommand),
      unique: true,
      ...hubFrom(options),
      several: saySeveral,
      timeoutSec,
      signal: stop,
      info: { program: `abcd ${subcommand}` },
    });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    const text = error instanceof Error ? error.message : String(error);
    const isNoHub = error instanceof DOMException && error.name === "TimeoutError";
    throw new CommandError(isNoHub ? `${text}\n${WITHOUT_HUB}` : text);
  }
  let name = options.controller;
  if (name === undefined) {
    const found = await findController(client, stop);
    name = found.name;
    if (found.isOther) {
      console.error(`Asks "${name}", the only run controller in hub "${client.hub?.name}"`);
    }
  }
  return {
    client,
    name,
    async ask(cmd, fields = {}, patience = {}) {
      const { timeoutSec = options.timeout, signal = stop } = patience;
      let answer: Message;
      try {
        answer = await client.request({ ...fields, cmd, to: name }, { timeoutSec, signal });
      } catch (error) {
        if (error instanceof RefusedError && error.code === "unknown-client") {
          throw new CommandError(await absence(client, name));
        }
        if (error instanceof DOMException && error.name === "TimeoutError") {
          throw new CommandError(
            `Cannot tell what "${name}" does: it has not answered "${cmd}" in ${timeoutSec} s`,
          );
        }
        throw new CommandError(error instanceof Error ? error.message : String(error));
      }
      const { error } = answer;
      if (error !== undefined) {
        // The keys of a table do what other subcommands do; those ask more than once for one thing.
        const what = subcommand === "status" ? cmd : subcommand;
        throw new CommandError(
          `Cannot ${VERBS[what] ?? what}: ${
            typeof error === "string" ? error : JSON.stringify(error)
          }`,
        );
      }
      return answer;
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** A program's state in words: `running, ready, pid 4711`. */
export function describeProgram({ state, ready, pid, reason }: ProgramStatus): string {
  const parts = [
    state === "running" && ready ? "ready" : state,
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(reason === undefined || (state === "running" && ready) ? [] : [reason]),
  ];
  return escapeControls(parts.join(", "));
}

/** An unexpected end in lines; the first has day and local time, and the program's name. */
export function verdictLines({ program, time, text }: VerdictLine): string[] {
  const [first = "", ...rest] = text.split("\n");
  if (time === undefined) return [`${program}: ${first}`, ...rest];
  const date = new Date(time * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return [`${day} ${timeOfDay(date).slice(0, 8)}  ${program}: ${first}`, ...rest];
}
