// New lines of programs' output, sent to those who follow: on `CONTROLLER/PROGRAM/log`, from the
// computer that the program is on.

import type { Client, Off } from "../client.ts";
import type { Log } from "../log.ts";
import type { LogCursor, ProgramLog } from "../process/program_log.ts";
import { programTopic } from "../status/topics.ts";
import { createHubTeller } from "./tell_hub.ts";

/** Options of {@linkcode createLogFollowers}. */
export interface LogFollowersOptions {
  readonly client: Client;
  /** The name in the hub of who controls the programs now, if somebody does. */
  readonly controller: () => string | undefined;
  readonly experiment: string;
  readonly log: Log;
  readonly output: (program: string) => ProgramLog | undefined;
}

/** A line of output. */
export type FollowedLine = { readonly program: string; readonly line: string };

/** Who follows which program; one that nobody follows is not read. */
export interface LogFollowers extends Disposable {
  /**
   * From now on, until it leaves the hub or this program does.
   *
   * @returns The last lines before those that it is sent.
   */
  follow(programs: readonly string[], who: string, count: number): FollowedLine[];
}

/** A program that is followed. */
interface Followed {
  readonly cursor: LogCursor;
  readonly who: Set<string>;
  /** Lines that the hub was too slow for, and of which those who follow do not know yet. */
  left: number;
}

/** How often new lines are sent, in milliseconds. */
const FOLLOW_MS = 250;

/** Sends nothing before somebody follows. */
export function createLogFollowers(options: LogFollowersOptions): LogFollowers {
  const { client, controller, experiment, log, output } = options;
  const followers = new Map<string, Followed>();
  /** Runs while somebody follows: a computer that has nothing to do is not woken four times a second. */
  let timer: ReturnType<typeof setInterval> | undefined;

  function unfollow(gone: (who: string) => boolean): void {
    for (const [name, { cursor, who }] of followers) {
      for (const one of who) if (gone(one)) who.delete(one);
      if (who.size > 0) continue;
      cursor[Symbol.dispose]();
      followers.delete(name);
    }
    if (followers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  const attempt = createHubTeller(log);
  function publish(program: string, line: string): boolean {
    const name = controller();
    if (!client.joined || name === undefined) return true; // who follows has left, or nobody may
    const topic = programTopic(name, program, "log");
    return attempt(
      `send a line of ${program}`,
      () => client.send({ cmd: "log", topic, experiment, program, line }),
    );
  }

  const offs: Off[] = [
    client.subscribe("_hub/left", ({ name }) => unfollow((who) => who === name)),
    // They ask again when they are back.
    client.addEventListener("lost", () => unfollow(() => true)),
  ];
  function sendNew(): void {
    for (const [program, followed] of followers) {
      for (const line of followed.cursor.read()) {
        const { left } = followed;
        const isTold = left === 0 || publish(program, `… ${left} lines are left out …`);
        if (isTold) followed.left = 0;
        if (!isTold || !publish(program, line)) followed.left++;
      }
    }
  }

  return {
    follow(programs, who, count) {
      const lines = programs.flatMap((program) => {
        const known = followers.get(program);
        const cursor = known?.cursor ?? output(program)?.cursor();
        if (cursor === undefined) return [];
        const all = new Set([...known?.who ?? [], who]);
        followers.set(program, { cursor, who: all, left: known?.left ?? 0 });
        return cursor.before(count).map((line) => ({ program, line }));
      });
      if (followers.size > 0) timer ??= setInterval(sendNew, FOLLOW_MS);
      return lines;
    },
    [Symbol.dispose]() {
      unfollow(() => true);
      for (const off of offs) off();
    },
  };
}
