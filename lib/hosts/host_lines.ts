// The output of programs on another computer: its agent is asked for the last lines, and sends new ones
// to who follows them. It forgets who follows when it is away; here that is kept, and told it again.

import type { Client, Outgoing } from "../client.ts";
import type { RemoteLine } from "../run/elsewhere.ts";
import { objects } from "./host_report.ts";

/** Options of {@linkcode createHostLines}. */
export interface HostLinesOptions {
  /** What each message to the agent says of itself. */
  readonly about: { readonly to: string; readonly experiment: string; readonly claim: string };
  readonly client: Client | undefined;
  /** How long an answer may take, in seconds. */
  readonly answerSec: number;
  /** Why the agent cannot be asked now; `undefined`: it can. */
  readonly trouble: () => string | undefined;
  /** Whether the program is on this host. */
  readonly isHere: (program: string) => boolean;
  /** Sends a message to which no answer is awaited. */
  readonly tell: (message: Outgoing) => void;
}

/** The output of programs on another computer. */
export interface HostLines {
  /** See `HostLink.lines`. */
  read(
    names: readonly string[],
    count: number,
    follow?: string,
  ): Promise<{ readonly lines: readonly RemoteLine[]; readonly at: number }>;
  /** The agent is there again, and is told who follows. */
  again(): void;
  /** A client has left the hub: it follows nothing any more. */
  left(client: string): void;
  /** The hub is lost, and with it who followed. */
  lost(): void;
}

/** Nobody follows anything yet. */
export function createHostLines(options: HostLinesOptions): HostLines {
  const { about, client, answerSec, trouble, isHere, tell } = options;
  /** Programs by who follows them. */
  const followers = new Map<string, Set<string>>();
  return {
    async read(names, count, follow) {
      if (follow !== undefined) {
        const known = followers.get(follow) ?? new Set();
        followers.set(follow, known);
        for (const name of names) known.add(name);
      }
      const why = trouble();
      if (why !== undefined || client === undefined) {
        throw new Error(`Cannot read the logs on ${about.to}: ${why}`);
      }
      const answer = await client.request(
        { ...about, cmd: "agent-log", programs: [...names], lines: count, follow },
        { timeoutSec: answerSec },
      );
      if (typeof answer.error === "string") throw new Error(answer.error);
      const lines = objects(answer.lines).flatMap(({ program, line }) =>
        typeof program === "string" && typeof line === "string" ? [{ program, line }] : []
      );
      return { lines, at: typeof answer.at === "number" ? answer.at : 0 };
    },
    again() {
      for (const [follow, names] of followers) {
        const programs = [...names].filter(isHere);
        if (programs.length > 0) tell({ ...about, cmd: "agent-log", programs, lines: 0, follow });
      }
    },
    left: (name) => void followers.delete(name),
    lost: () => followers.clear(),
  };
}
