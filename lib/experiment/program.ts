// The settings of one program of an experiment, as they are once its file was read.

import type { JsonObject } from "../message.ts";

/** What a program may wait for of another. */
export type Dependency = "started" | "ready" | "completed";
/** When a program that ended is started again. */
export type RestartPolicy = "always" | "on-failure" | "no";

/** What a probe looks at. */
export type Check =
  /** A client of this name is in the hub. */
  | { readonly kind: "client"; readonly client: string }
  /**
   * A client of this name is in the hub, and what it has said of itself last (`_status`) is one of
   * these states; with `maxAgeSec` other than 0 it has said so no longer ago than that.
   */
  | {
    readonly kind: "status";
    readonly client: string;
    readonly states: readonly string[];
    readonly maxAgeSec: number;
  }
  /** The program has written a line that the regular expression finds something in. */
  | { readonly kind: "logLine"; readonly pattern: string }
  /** Somebody listens there. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** The file or folder is there; an absolute path, or on another computer one relative to there. */
  | { readonly kind: "file"; readonly path: string }
  /** The command ends with exit code 0. */
  | { readonly kind: "exec"; readonly argv: readonly string[] };

/** How to see that a program is ready, or alive. */
export interface Probe {
  readonly check: Check;
  /**
   * `ready`: how long it may take (default 90 s). `alive`: how long the client may be missing, be
   * in no such state, or no line may come (default 30 s).
   */
  readonly timeoutSec: number;
  /** Between two looks with `tcp`, `file`, `exec`; one may take as long. Default 1 s, `alive` 10 s. */
  readonly periodSec: number;
  /** `alive` with `tcp`, `file`, `exec`: so many failures in a row are too many. Default 3. */
  readonly failures: number;
}

/** The settings of one program, complete: what the file leaves out has its default. */
export interface Program {
  readonly name: string;
  /** The command and its arguments; never empty. */
  readonly argv: readonly string[];
  /** The computer that it runs on: the name of its host agent, or with `ssh` what ssh calls it. */
  readonly host: string | undefined;
  /** How it is started on its host. */
  readonly via: "agent" | "ssh";
  /** Held in GNU screen, so that a person can attach to it. */
  readonly screen: boolean;
  /** Absolute; on another computer it may be relative, to the folder that its host is run in. */
  readonly cwd: string;
  readonly env: { readonly [name: string]: string };
  readonly autostart: boolean;
  readonly dependsOn: { readonly [program: string]: Dependency };
  /** Restarted when one that it depends on is restarted or ends. */
  readonly withDependency: boolean;
  readonly restart: RestartPolicy;
  readonly successExitCodes: readonly number[];
  readonly startSec: number;
  readonly restartSec: number;
  readonly restartMultiplier: number;
  readonly restartMaxSec: number;
  readonly restartResetSec: number;
  readonly startLimit: number;
  readonly ready: Probe | undefined;
  readonly alive: Probe | undefined;
  readonly stopSignal: Deno.Signal;
  readonly stopSec: number;
  /** Restarted when it and all that descends from it use more; 0: no limit. */
  readonly memoryMaxBytes: number;
  readonly log: { readonly maxBytes: number; readonly backups: number };
  /**
   * Takes part in data-taking runs: it is told of the start and of the end, and must answer. Lower
   * numbers are told of the start first, and of the end last. Absent: it takes no part.
   */
  readonly runOrder: number | undefined;
  /** No run starts while it is not ready. */
  readonly required: boolean;
  /** Its loss makes the experiment safe and ends the run; no run starts while it is not ready. */
  readonly essential: boolean;
  /** How long it may take to answer that a run starts or ends. Default 30 s. */
  readonly transitionSec: number;
  /** What it is told at the start of a run: settings of its own, as they stand in the file. */
  readonly config: JsonObject;
}

/** The name that a program has in the hub: that which its probes look for, else its own. */
export function clientOf({ name, ready, alive }: Program): string {
  for (const probe of [ready, alive]) {
    const check = probe?.check;
    if (check?.kind === "client" || check?.kind === "status") return check.client;
  }
  return name;
}
