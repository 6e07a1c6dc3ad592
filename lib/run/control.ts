// The controller by message: `status`, `start`, `stop`, `restart`, `reload`, `log`, `why`.

import type { Client, Off } from "../client.ts";
import type { Log } from "../log.ts";
import type { Json, Message } from "../message.ts";
import type { LogCursor } from "../process/program_log.ts";
import type { Alarm } from "./alarms.ts";
import type { Controller } from "./controller.ts";
import type { Experiment } from "./experiment_file.ts";
import { describeReload } from "./reload.ts";

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
/** How often new lines are sent to those who follow, in milliseconds. */
const FOLLOW_MS = 250;

/** Answers control messages and publishes `run/PROGRAM/state`, until it is disposed of. */
export function serveControl(options: ControlOptions): Disposable {
  const { client, controller, log } = options;
  const offs: Off[] = [];

  function attempt(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      log.warn(`Cannot ${what}: ${error instanceof Error ? error.message : error}`);
    }
  }

  function publish(program: string, kind: string, fields: Fields): void {
    // What happened while there was no hub is old then: joining tells of all as they are.
    if (!client.joined) return;
    const { experiment } = controller.status();
    attempt(
      `tell of ${program}`,
      () =>
        client.send({ cmd: kind, topic: `run/${program}/${kind}`, experiment, program, ...fields }),
    );
  }

  function publishAlarm(alarm: Alarm): void {
    if (!client.joined) return;
    const { experiment } = controller.status();
    attempt(
      "tell of an alarm",
      () => client.send({ cmd: "alarm", topic: "run/alarm", experiment, ...alarm }),
    );
  }

  function state(names: readonly string[], text?: string): Fields {
    const { experiment, programs, alarms = [], disks = [], run, safe } = controller.status();
    const chosen = programs.filter(({ name }) => names.includes(name));
    return { experiment, programs: chosen, alarms, disks, run, safe, text };
  }

  function logLines(names: readonly string[], message: Message): Fields {
    const { lines: count } = message;
    const most = typeof count === "number" && count >= 0
      ? Math.min(MOST_LOG_LINES, count)
      : LOG_LINES;
    const lines = names.flatMap((program) =>
      (controller.output(program)?.tail(most) ?? []).map((line) => ({ program, line }))
    );
    if (message.follow === true && message.from !== undefined) follow(names, message.from);
    return { experiment: controller.status().experiment, lines };
  }

  /** Who follows which program; a program that nobody follows is not read. */
  const followers = new Map<string, { readonly cursor: LogCursor; readonly who: Set<string> }>();

  function follow(names: readonly string[], who: string): void {
    for (const name of names) {
      const known = followers.get(name);
      if (known !== undefined) known.who.add(who);
      const cursor = known?.cursor ?? controller.output(name)?.cursor();
      if (cursor !== undefined) {
        followers.set(name, known ?? { cursor, who: new Set([who]) });
      }
    }
  }

  function unfollow(gone: (who: string) => boolean): void {
    for (const [name, { cursor, who }] of followers) {
      for (const one of who) if (gone(one)) who.delete(one);
      if (who.size > 0) continue;
      cursor[Symbol.dispose]();
      followers.delete(name);
    }
  }

  function publishLines(): void {
    for (const [program, { cursor }] of followers) {
      for (const line of cursor.read()) publish(program, "log", { line });
    }
  }

  function respond(cmd: typeof COMMANDS[number], names: readonly string[], message: Message) {
    if (cmd === "status") return state(names);
    if (cmd === "log") return logLines(names, message);
    if (cmd === "why") {
      const verdicts = names.flatMap((program) =>
        controller.verdicts(program).map((verdict) => ({ program, ...verdict }))
      );
      return { experiment: controller.status().experiment, verdicts };
    }
    if (controller.ending) return { error: "the experiment is being stopped" };
    if (cmd === "reload") {
      const text = describeReload(controller.reload(options.readAgain()));
      log.info(`reload: ${text}; asked by ${message.from}`);
      return state(controller.names, text);
    }
    log.info(`${cmd} ${names.join(" ")}: asked by ${message.from}`);
    controller.tell(cmd, names);
    return state(names);
  }

  function onMessage(cmd: typeof COMMANDS[number], message: Message): void {
    const { from } = message;
    if (message.re !== undefined || from === undefined) return;
    const answer = (fields: Fields) =>
      attempt(`answer ${from}`, () => client.send({ cmd, to: from, re: message.id, ...fields }));
    const all = controller.names;
    const wanted = message.programs ?? [...all];
    const list: readonly Json[] = Array.isArray(wanted) ? wanted : [wanted];
    const names = all.filter((name) => list.includes(name));
    const unknown = list.filter((one) => !all.some((name) => name === one));
    if (unknown.length > 0) {
      const texts = unknown.map((one) => JSON.stringify(one)).join(", ");
      return answer({ error: `no program ${texts}; there are: ${all.join(", ")}` });
    }
    try {
      answer(respond(cmd, names, message));
    } catch (error) {
      answer({ error: error instanceof Error ? error.message : String(error) });
    }
  }

  for (const cmd of COMMANDS) offs.push(client.on(cmd, (message) => onMessage(cmd, message)));
  controller.onChange(({ name, ...rest }) => publish(name, "state", rest));
  controller.onAlarm(publishAlarm);
  controller.onVerdict((program, verdict) => publish(program, "verdict", verdict));
  offs.push(client.addEventListener("joined", () => {
    const { programs, alarms = [] } = controller.status();
    for (const { name, ...rest } of programs) publish(name, "state", rest);
    for (const alarm of alarms) publishAlarm(alarm);
  }));
  offs.push(
    client.subscribe("_hub/left", ({ name }) => unfollow((who) => who === name)),
    // They ask again when they are back.
    client.addEventListener("lost", () => unfollow(() => true)),
  );
  const timer = setInterval(publishLines, FOLLOW_MS);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      unfollow(() => true);
      for (const off of offs) off();
    },
  };
}
