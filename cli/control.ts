// What the subcommands that talk to a run controller share: how it is found, asked, and waited for.

import { type Client, connect, type Outgoing, RefusedError } from "../lib/client.ts";
import { timeOfDay } from "../lib/log.ts";
import type { Message } from "../lib/message.ts";
import type { ExperimentStatus, ProgramStatus } from "../lib/status/program_status.ts";
import { readStatus, type VerdictLine } from "../lib/status/read_status.ts";
import { programTopic } from "../lib/status/topics.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { type ClientValues, hubFrom, saySeveral, toolName } from "./common.ts";
import { controllersIn, findController } from "./find_controller.ts";
import { CLIENT_OPTIONS } from "./shared_options.ts";
import { CommandError, type Context, EXIT, type OptionSpecs, UsageError } from "./command.ts";

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

/** Of subcommands whose name is no verb. */
const VERBS: { readonly [subcommand: string]: string } = {
  status: "show the status",
  logs: "show logs",
  why: "tell why",
  "start-run": "start a run",
  "stop-run": "stop the run",
  note: "write the note down",
  runs: "show runs",
  safe: "change what is safe",
};

/** For somebody who is woken at night, and finds no hub. */
const WITHOUT_HUB =
  'The programs of an experiment go on without a hub. If it is gone, start "abcd server" again, where ' +
  'it ran or on the computer of "abcd run", as the same user: "abcd run" joins it by itself, and this ' +
  'works again within seconds. If "abcd run" is gone too, start it again: it takes up the programs ' +
  "that still run.";

type Fields = { readonly [field: string]: Outgoing[string] };

async function absence(client: Client, name: string): Promise<string> {
  const others = (await controllersIn(client).catch(() => [])).map((one) => one.name);
  return `Cannot find the controller "${name}" in hub "${client.hub?.name}"; ${
    others.length === 0
      ? 'start it with "abcd run FILE", which takes up the programs that still run, or name it with --controller'
      : `there are: ${others.join(", ")}; name one with --controller`
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
        throw new CommandError(
          `Cannot ${VERBS[subcommand] ?? subcommand}: ${
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

/** Where a program is to be after `start`, `stop` or `restart`: there, on the way, or stuck. */
export function progress(
  what: "start" | "stop" | "restart",
  { state, ready }: ProgramStatus,
): "there" | "on the way" | "stuck" {
  if (what === "stop") {
    return ["stopped", "exited", "fatal"].includes(state) ? "there" : "on the way";
  }
  if (state === "running") return ready ? "there" : "on the way";
  if (state === "exited") return "there";
  return state === "fatal" || state === "backoff" || state === "stopped" ? "stuck" : "on the way";
}

const WAIT_OPTIONS = {
  ...CONTROL_OPTIONS,
  all: { type: "flag", help: "all programs" },
  wait: {
    type: "seconds",
    value: "SECONDS",
    default: 60,
    help: "wait this long for it to be done; 0: only say so to the controller",
  },
} as const satisfies OptionSpecs;

/** The options of `start`, `stop` and `restart`. */
export const TELL_OPTIONS: typeof WAIT_OPTIONS = WAIT_OPTIONS;

/**
 * `abcd start`, `stop`, `restart`: tells the controller, and shows how it goes until it is done.
 *
 * @returns The exit code: 1 if a program is not where it was told to be.
 */
export async function tellPrograms(
  what: "start" | "stop" | "restart",
  { options, args, stop }: Context<typeof WAIT_OPTIONS>,
): Promise<number> {
  if (args.length === 0 && !options.all) {
    throw new UsageError(`Cannot ${what}: name the programs, or give --all`);
  }
  if (args.length > 0 && options.all) {
    throw new UsageError(`Cannot ${what}: give either the programs' names or --all`);
  }
  await using controller = await openController(what, options, stop);
  const { client } = controller;
  const fields = options.all ? {} : { programs: [...new Set(args)] };

  let wake = () => {};
  const off = client.subscribe(programTopic(controller.name, "+", "state"), () => wake());
  await client.flush({ timeoutSec: options.timeout, signal: stop });
  const before = new Map<string, ProgramStatus>();
  for (const one of readStatus(await controller.ask("status", fields)).programs) {
    before.set(one.name, one);
  }
  // A restart is over when the program is up again, not while the one of before still runs.
  const isNew = ({ name, since, state, pid }: ProgramStatus) => {
    const old = before.get(name);
    return old === undefined || old.since !== since || old.state !== state || old.pid !== pid;
  };
  const seen = new Map<string, string>();
  const moved = new Set<string>();
  const stuck: string[] = [];
  const show = (status: ExperimentStatus): boolean => {
    stuck.length = 0;
    let done = true;
    for (const program of status.programs) {
      const words = describeProgram(program);
      if (seen.get(program.name) !== words) console.log(`${program.name}: ${words}`);
      seen.set(program.name, words);
      if (isNew(program)) moved.add(program.name);
      const at = progress(what, program);
      if (at === "stuck") stuck.push(program.name);
      if (at === "on the way" || (what === "restart" && !moved.has(program.name))) done = false;
    }
    return done;
  };

  const deadline = performance.now() + options.wait * 1000;
  let done = show(readStatus(await controller.ask(what, fields)));
  while (!done && performance.now() < deadline) {
    stop.throwIfAborted();
    // Told by the topic; asked anyway after a second, for a controller that publishes nothing.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(1000, deadline - performance.now()));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = () => {};
    done = show(readStatus(await controller.ask("status", fields)));
  }
  off();
  if (stuck.length > 0) {
    console.error(`${stuck.join(", ")}: not running; ask "abcd why ${stuck[0]}"`);
    return EXIT.failed;
  }
  if (!done && options.wait > 0) {
    console.error(`Not done after ${options.wait} s; the controller goes on with it`);
    return EXIT.failed;
  }
  return EXIT.done;
}
