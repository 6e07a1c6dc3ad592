// What the controller needs of whatever runs programs on other computers. lib/hosts gives it; a
// controller that is given nothing, as that of a host agent, has programs on its own computer alone.

import type { Client } from "../client.ts";
import type { DiskLimits } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";
import type { Log } from "../log.ts";
import type { Alarm } from "../status/alarms.ts";
import type { LocalContext } from "./local_contract.ts";
import type { Presence } from "./presence.ts";
import type { Runner } from "./runner.ts";
import type { StateFolder } from "./state_folder.ts";

/** What the controller gives to what runs programs on other computers. */
export interface ElsewhereOptions {
  readonly experiment: string;
  readonly folder: StateFolder;
  readonly client: Client | undefined;
  readonly presence: Presence;
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** All programs of the experiment, as its file says now. */
  readonly programs: () => readonly Program[];
  /** When the disks of other computers are an alarm. */
  readonly disk: () => DiskLimits;
  /** Told of alarms of other computers. */
  readonly alarm: (alarm: Alarm) => void;
}

/** A line of output of a program on another computer. */
export type RemoteLine = {
  readonly program: string;
  readonly line: string;
};

/** The last lines of programs on other computers. */
export interface RemoteLines {
  readonly lines: readonly RemoteLine[];
  /** By host: when its lines were read, by its own clock; Unix time in seconds. */
  readonly at: { readonly [host: string]: number };
  /** What could not be had, in words. */
  readonly problems: readonly string[];
}

/** The other computers of a controller. */
export interface Elsewhere extends Disposable {
  /** Makes the runner of a program that is to run on another computer. */
  runner(program: Program, context: LocalContext): Runner;
  tick(): void;
  /** The file was read again: other limits may hold. */
  reloaded(): void;
  lines(programs: readonly Program[], count: number, follow?: string): Promise<RemoteLines>;
  /** Lets those have the experiment of which all is stopped. */
  release(isStopped: (host: string) => boolean): Promise<void>;
}

/** There are no other computers. */
export const NOWHERE: Elsewhere = {
  runner({ name, host }) {
    throw new Error(`Cannot run ${name} on ${host}: no other computers are reached from here`);
  },
  tick() {},
  reloaded() {},
  lines: () => Promise.resolve({ lines: [], at: {}, problems: [] }),
  release: () => Promise.resolve(),
  [Symbol.dispose]() {},
};
