// Telling one program of a run, and what it answers.

import { type Client, type Outgoing, RefusedError } from "../client.ts";
import type { Message } from "../message.ts";
import { pause } from "../pause.ts";

/** What came of telling a program. */
export type Told =
  | { readonly ok: true }
  /** `silent`: it said nothing, and may have done it all the same. */
  | {
    readonly ok: false;
    readonly text: string;
    readonly silent: boolean;
    /** It could not be told at all. */
    readonly isAway?: boolean;
  };

/** Options of {@linkcode tellProgram}. */
export interface TellOptions {
  /** How long it may take to answer, in seconds. */
  readonly timeoutSec: number;
  /** Wait for it to come back as well if it is not in the hub. */
  readonly isPatient: boolean;
  readonly signal: AbortSignal;
}

/** Between two tries, in milliseconds. */
const AGAIN_MS = 200;

/** How an answer is to be taken: `ok: false`, an `error`, or the command `error` is a refusal. */
export function readAnswer({ cmd, ok, error, text, reason }: Message): Told {
  if (ok !== false && error === undefined && cmd !== "error") return { ok: true };
  const words = [error, text, reason].find((one) => typeof one === "string" && one !== "");
  return { ok: false, text: typeof words === "string" ? words : "it says no", silent: false };
}

/**
 * Tells a program, and waits for its answer. While the hub is away it waits for that; a message
 * that was on its way then is sent again, so a program may get it twice.
 */
export async function tellProgram(
  client: Client,
  message: Outgoing & { readonly to: string },
  { timeoutSec, isPatient, signal }: TellOptions,
): Promise<Told> {
  const silence = { ok: false, text: `no answer in ${timeoutSec} s`, silent: true } as const;
  const end = performance.now() + timeoutSec * 1000;
  let last: Told = silence;
  while (!signal.aborted) {
    const left = (end - performance.now()) / 1000;
    if (left <= 0) return last;
    try {
      // Late is better than never: who is not told now is told when the hub is back.
      const order = { ...message, expires: left };
      return readAnswer(await client.request(order, { timeoutSec: left, signal }));
    } catch (error) {
      if (error instanceof DOMException && error.name === "TimeoutError") {
        return client.joined ? silence : { ...silence, text: `${silence.text}: the hub is away` };
      }
      if (error instanceof RefusedError) {
        const isAway = error.code === "unknown-client";
        const text = isAway ? `no client "${message.to}" is in the hub` : error.message;
        last = { ok: false, text, silent: false, isAway };
        if (!isAway || !isPatient) return last;
      } else {
        last = silence;
      }
      await pause(AGAIN_MS, signal);
    }
  }
  return { ok: false, text: "nobody waits for it any more", silent: true };
}
