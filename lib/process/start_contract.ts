// What a start of a program is to those who look after it, wherever it was made.

import type { ProcessStat } from "./proc_fs.ts";

/** Options of a start. */
export interface StartOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Beside what this process has. */
  readonly env: { readonly [name: string]: string };
  /** Its output, both streams, is appended here. */
  readonly logPath: string;
  /** Names this start among all, also those of other experiments. */
  readonly id: string;
  /** Where its files go: `BASE.pid` and `BASE.exit`. */
  readonly base: string;
  /** The session of GNU screen that it runs in. Absent: it has no terminal. */
  readonly screen?: string;
}

/** How a program ended. Neither code nor signal: nobody was there to see it. */
export interface Ended {
  readonly code?: number;
  readonly signal?: string;
  readonly coreDumped: boolean;
  /** Its process, and when that started in seconds since the boot; not known if it never ran. */
  readonly pid?: number;
  readonly startedAt?: number;
  /** Unix time in seconds; not known if it never ran. */
  readonly started?: number;
  readonly ended?: number;
}

/** What is known of a start now. */
export type StartView =
  | { readonly state: "starting" }
  | { readonly state: "alive"; readonly pid: number }
  | { readonly state: "ended"; readonly ended: Ended };

/** One start of a program, by this process or by one before it. */
export interface Start {
  readonly id: string;
  /** The program's process and its group; `undefined` until it is known. */
  readonly pid: number | undefined;
  /** Looks. Once it has ended, the answer stays. */
  look(): StartView;
  /** Writes down again what it has written of itself, if that is missing. */
  remember(): void;
  /** Whether anything of its group is left, or may be. */
  hasGroup(all?: readonly ProcessStat[]): boolean;
  /** Sends a signal to the whole group, and to the others of its session; false if there is none (yet, or any more). */
  signal(signal: Deno.Signal): boolean;
  /** The process of GNU screen that it runs in, if it does. */
  readonly screenPid: number | undefined;
  /** Why nothing is known of it now; `undefined`: it can be looked at. */
  readonly trouble: string | undefined;
  /** Resolves when the shell that held it ended; never if it is not this process' child. */
  readonly shellEnded: Promise<void>;
  /** Whether its end is told by {@linkcode Start.shellEnded}: nobody has to look for it. */
  readonly tellsEnd: boolean;
}
