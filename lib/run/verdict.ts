// What is said of an unexpected end of a program, for who comes in the morning.

import type { KernelKill, OutOfMemory } from "../process/out_of_memory.ts";
import { howItEnded } from "./program_state.ts";

/** An unexpected end. Times are Unix time in seconds. */
export type Verdict = {
  readonly time: number;
  /** All of it in words, lines with newlines between. */
  readonly text: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly coreDumped: boolean;
  /** Whether the kernel killed it for want of memory, as far as the kernel says. */
  readonly outOfMemory: OutOfMemory;
  /** How long it ran, in seconds. */
  readonly ranSec?: number;
  /** Starts after the first when it ended. */
  readonly restarts: number;
  /** Its last lines of output, oldest first. */
  readonly lastLines: readonly string[];
};

/** What {@linkcode describeEnd} is told. */
export interface EndFacts {
  readonly time: number;
  /** What happened, if it is not that the process ended: "is not alive: no client hv for 30 s". */
  readonly cause?: string;
  readonly code?: number;
  readonly signal?: string;
  /** Where its memory is, in words; absent: no core was dumped. */
  readonly core?: string;
  readonly outOfMemory: OutOfMemory;
  readonly kill?: KernelKill;
  readonly ranSec?: number;
  readonly restarts: number;
  readonly lastLines: readonly string[];
  /** It ended as it should at the end of its work, and is to run on all the same. Default: false. */
  readonly isGood?: boolean;
  /** What happens to it now, in words. */
  readonly next: string;
}

/** What the signals that end a program by mistake mean. */
const SIGNAL_WORDS: { readonly [signal: string]: string } = {
  SIGSEGV: "it used memory that is not its own",
  SIGBUS: "it used memory that could not be had, such as a file that became shorter",
  SIGABRT: "it gave up by itself, as a failed assertion does",
  SIGFPE: "an impossible calculation, such as a division by zero",
  SIGILL: "an instruction that this processor does not have",
  SIGTERM: "somebody asked it to end",
  SIGINT: "somebody asked it to end",
  SIGHUP: "its terminal was closed, or somebody asked it to end",
  SIGPIPE: "it wrote to somebody who was gone",
  SIGXFSZ: "a file became larger than it may",
  SIGXCPU: "it used more processor time than it may",
};

/** What shells and systems mean by codes of their own. */
const CODE_WORDS: { readonly [code: number]: string } = {
  126: "the command cannot be executed",
  127: "a command was not found",
};

/** A duration as people say it: `0.3 s`, `12 s`, `5 min`, `3.2 h`, `4 days`. */
export function duration(sec: number): string {
  if (sec < 10) return `${Math.round(sec * 10) / 10} s`;
  if (sec < 120) return `${Math.round(sec)} s`;
  if (sec < 7200) return `${Math.round(sec / 60)} min`;
  if (sec < 172_800) return `${Math.round(sec / 360) / 10} h`;
  return `${Math.round(sec / 86_400)} days`;
}

function inGigabytes(bytes: number): string {
  return bytes < 1e8 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** What a SIGKILL means, which tells nobody where it came from. */
function describeKill({ outOfMemory, kill }: EndFacts): string {
  switch (outOfMemory) {
    case "yes":
      return kill?.memoryBytes === undefined
        ? "the kernel killed it for want of memory"
        : `the kernel killed it for want of memory, of which it had ${
          inGigabytes(kill.memoryBytes)
        }`;
    case "perhaps":
      return "somebody killed it, or the kernel did: that has just killed something for want of memory";
    case "no":
      return "somebody killed it; the kernel did not, for want of memory";
    case "unknown":
      return "somebody or the kernel killed it";
  }
}

/** Says how a program ended, and why as far as that can be known. */
export function describeEnd(facts: EndFacts): Verdict {
  const { time, cause, code, signal, core, outOfMemory, ranSec, restarts, lastLines } = facts;
  const meaning = cause !== undefined
    ? undefined
    : facts.isGood
    ? 'a good end, but it is to run on: "restart": "on-failure" would leave it at that'
    : signal === undefined
    ? CODE_WORDS[code ?? -1]
    : signal === "SIGKILL"
    ? describeKill(facts)
    : SIGNAL_WORDS[signal];
  const first = [
    cause ?? howItEnded(code, signal),
    ...(meaning === undefined ? [] : [meaning]),
    ...(core === undefined ? [] : [core]),
    ...(ranSec === undefined ? [] : [`it ran for ${duration(ranSec)}`]),
    restarts === 0 ? "it had not been restarted before" : `after restart ${restarts}`,
    facts.next,
  ].join("; ");
  const text = [
    first,
    lastLines.length === 0 ? "It wrote nothing." : "Its last lines:",
    ...lastLines.map((line) => `  ${line}`),
  ].join("\n");
  return {
    time,
    text,
    exitCode: code,
    signal,
    coreDumped: core !== undefined,
    outOfMemory,
    ranSec,
    restarts,
    lastLines,
  };
}
