// What is said of an unexpected end of a program, for who comes in the morning.

import { howItEnded } from "./program_state.ts";

/** An unexpected end. Times are Unix time in seconds. */
export type Verdict = {
  readonly time: number;
  /** All of it in words, lines with newlines between. */
  readonly text: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly coreDumped: boolean;
  /** The kernel killed something for want of memory while it ended. */
  readonly outOfMemory: boolean;
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
  readonly code?: number;
  readonly signal?: string;
  readonly coreDumped: boolean;
  readonly outOfMemory: boolean;
  readonly ranSec?: number;
  readonly restarts: number;
  readonly lastLines: readonly string[];
  /** Seconds until it is tried again; `undefined`: it is not. */
  readonly retrySec?: number;
}

/** What the signals that end a program by mistake mean. */
const SIGNAL_WORDS: { readonly [signal: string]: string } = {
  SIGSEGV: "it used memory that is not its own",
  SIGBUS: "it used memory that could not be had, such as a file that became shorter",
  SIGABRT: "it gave up by itself, as a failed assertion does",
  SIGFPE: "an impossible calculation, such as a division by zero",
  SIGILL: "an instruction that this processor does not have",
  SIGKILL: "somebody or the kernel killed it",
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

/** Says how a program ended, and why as far as that can be known. */
export function describeEnd(facts: EndFacts): Verdict {
  const { time, code, signal, coreDumped, outOfMemory, ranSec, restarts, lastLines } = facts;
  const meaning = signal === undefined
    ? CODE_WORDS[code ?? -1]
    : outOfMemory && signal === "SIGKILL"
    ? "the kernel killed it for want of memory"
    : SIGNAL_WORDS[signal];
  const first = [
    howItEnded(code, signal),
    ...(meaning === undefined ? [] : [meaning]),
    ...(coreDumped ? ["core dumped"] : []),
    ...(ranSec === undefined ? [] : [`it ran for ${duration(ranSec)}`]),
    restarts === 0 ? "it had not been restarted before" : `after restart ${restarts}`,
    facts.retrySec === undefined
      ? "it is not started again"
      : `it is started again in ${duration(facts.retrySec)}`,
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
    coreDumped,
    outOfMemory,
    ranSec,
    restarts,
    lastLines,
  };
}
