// The controller by message: `status`, `start`, `stop`, `restart`, `reload`, `log`, `why`.

import type { Client, Off } from "../client.ts";
import type { Log } from "../log.ts";
import type { Json, Message } from "../message.ts";
import { plainText } from "../plain_text.ts";
import type { Alarm } from "../status/alarms.ts";
import type { Controller } from "./contract.ts";
import type { Experiment } from "../experiment/experiment_file.ts";
import { alarmTopic, type ProgramNews, programTopic } from "../status/topics.ts";
import { createLogFollowers } from "./log_followers.ts";
import { doubtsOf } from "./doubts.ts";
import { describeReload } from "./reload.ts";
import { createHubTeller } from "./tell_hub.ts";

/** Options of {@linkcode serveControl}. */
export interface ControlOptions {
  readonly client: Client;
  readonly controller: Controller;
  readonly log: Log;
  /** Reads the experiment file again; throws with all that is wrong with it. */
  readonly readAgain: () => Experiment;
}

type Fields = { readonly [field: string]: Json | undefined };
const COMMANDS = ["status", "start", "stop", "restart", "reload", "log", "why"] as const;

/** Lines of a log that are sent if nobody says how many, and the most that are sent. */
const LOG_LINES = 20;
const MOST_LOG_LINES = 1000;
/** So much of names that are none is said again, in characters. */
const MOST_QUOTED = 400;

/** The controller by message, until it is disposed of. */
export interface ControlService extends Disposable {
  /** Publishes how all programs are, as each joining of the hub does: what is adopted has no news. */
  tellAll(): void;
}

/** Answers control messages and publishes `CONTROLLER/PROGRAM/state`. */
export function serveControl(options: ControlOptions): ControlService {
  const { client, controller, log } = options;
  const offs: Off[] = [];
  const followers = createLogFollowers({
    client,
    controller: () => client.name,
    experiment: controller.experiment.name,
    log,
    output: controller.output,
  });

  const attempt = createHubTeller(log);

  function publish(program: string, kind: ProgramNews, fields: Fields): void {
    // What happened while there was no hub is old then: joining tells of all as they are.
    if (!client.joined) return;
    const experiment = controller.experiment.name;
    attempt(
      `tell of ${program}`,
      () =>
        client.send({
          cmd: kind,
          topic: programTopic(client.name, program, kind),
          experiment,
          program,
          ...fields,
        }),
    );
  }

  function publishAlarm(alarm: Alarm): void {
    if (!client.joined) return;
    const experiment = controller.experiment.name;
    attempt(
      "tell of an alarm",
      () => client.send({ cmd: "alarm", topic: alarmTopic(client.name), experiment, ...alarm }),
    );
  }

  function state(names: readonly string[], text?: string): Fields {
    const { experiment, programs, alarms = [], disks = [], run, safe } = controller.status();
    const chosen = programs.filter(({ name }) => names.includes(name));
    return { experiment, programs: chosen, alarms, disks, run, safe, text };
  }

  async function logLines(names: readonly string[], message: Message): Promise<Fields> {
    const { lines: count, follow, from } = message;
    const most = typeof count === "number" && count >= 0
      ? Math.min(MOST_LOG_LINES, count)
      : LOG_LINES;
    const who = follow === true ? from : undefined;
    const experiment = controller.experiment.name;
    const far = await controller.remoteLines(names, most, who);
    // A program writes on while this is done: what is sent goes on where the lines of the answer end.
    const near = who !== undefined
      ? followers.follow(names, who, most)
      : names.flatMap((program) =>
        (controller.output(program)?.tail(most) ?? []).map((line) => ({ program, line }))
      );
    const lines = names.flatMap((name) =>
      [...near, ...far.lines].filter(({ program }) => program === name)
    );
    const at = { ...far.at, [client.name]: Date.now() / 1000 };
    return { experiment, lines, at, problems: far.problems };
  }

  function respond(
    cmd: typeof COMMANDS[number],
    names: readonly string[],
    message: Message,
  ): Fields | Promise<Fields> {
    if (cmd === "status") return state(names);
    if (cmd === "log") return logLines(names, message);
    if (cmd === "why") {
      const verdicts = names.flatMap((program) =>
        controller.verdicts(program).map((verdict) => ({ program, ...verdict }))
      );
      return { experiment: controller.experiment.name, verdicts };
    }
    if (controller.ending) return { error: "the experiment is being stopped" };
    if (cmd === "reload") {
      const next = options.readAgain();
      const text = describeReload(controller.reload(next));
      log.info(`reload: ${text}; asked by ${message.from}`);
      const doubts = doubtsOf(next).map((doubt) => `in doubt: ${doubt}`);
      return state(controller.names, [text, ...doubts].join("; "));
    }
    log.info(`${cmd} ${names.join(" ")}: asked by ${message.from}`);
    controller.tell(cmd, names);
    return state(names);
  }

  function onMessage(cmd: typeof COMMANDS[number], message: Message): void {
    const { from } = message;
    if (message.re !== undefined || from === undefined) return;
    const answer = (fields: Fields) =>
      void attempt(
        `answer ${from}`,
        () => client.send({ cmd, to: from, re: message.id, ...fields }),
      );
    const all = controller.names;
    const wanted = message.programs ?? [...all];
    const list: readonly Json[] = Array.isArray(wanted) ? wanted : [wanted];
    const names = all.filter((name) => list.includes(name));
    const unknown = list.filter((one) => !all.some((name) => name === one));
    if (unknown.length > 0) {
      const texts = plainText(unknown.map((one) => JSON.stringify(one)).join(", "), MOST_QUOTED);
      return answer({ error: `no program ${texts}; there are: ${all.join(", ")}` });
    }
    const failed = (error: unknown) =>
      answer({ error: error instanceof Error ? error.message : String(error) });
    try {
      const fields = respond(cmd, names, message);
      if (fields instanceof Promise) fields.then(answer, failed);
      else answer(fields);
    } catch (error) {
      failed(error);
    }
  }

  for (const cmd of COMMANDS) offs.push(client.on(cmd, (message) => onMessage(cmd, message)));
  controller.onChange(({ name, ...rest }) => publish(name, "state", rest));
  controller.onAlarm(publishAlarm);
  controller.onVerdict((program, verdict) => publish(program, "verdict", verdict));
  function tellAll(): void {
    const { programs, alarms = [] } = controller.status();
    for (const { name, ...rest } of programs) publish(name, "state", rest);
    for (const alarm of alarms) publishAlarm(alarm);
  }

  offs.push(client.addEventListener("joined", tellAll));
  return {
    tellAll,
    [Symbol.dispose]() {
      followers[Symbol.dispose]();
      for (const off of offs) off();
    },
  };
}
