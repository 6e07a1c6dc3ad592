// One connection to the hub, from `_init` to its end.

import { JOIN_SEC, TIMEOUT_SEC } from "../defaults.ts";
import { doInTime } from "../do_in_time.ts";
import {
  asFromHub,
  type ChallengeMessage,
  encodeMessage,
  type FromHub,
  type InitMessage,
  type Message,
  parseMessage,
  type WelcomeMessage,
} from "../message.ts";
import { afterPatience } from "../patience.ts";
import type { HubAddress } from "./find_hub.ts";
import { inTime } from "./waiting.ts";
import { type Introduction, UNPROVEN } from "./introduction.ts";
import { type HubSocket, reach, type Reached } from "./hub_socket.ts";

/** How long leaving waits for the hub's goodbye, in milliseconds. */
const GOODBYE_MS = 1000;
/** Longest reason of a hub that has not shown that it has the key, in characters. */
const MAX_WORDS = 500;

/** Words of somebody of whom nothing is known, as they may be shown on a terminal. */
function harmless(text: string): string {
  // deno-lint-ignore no-control-regex -- they are what is looked for
  return text.slice(0, MAX_WORDS).replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

/** What is done with what comes in over a connection. */
export interface ConnectionHandler {
  /** How to introduce oneself to the hub that was reached there. */
  init(reached: Reached): { readonly message: InitMessage; readonly introduction: Introduction };
  /** The hub has taken us in; `socket` is open. */
  welcomed(welcome: WelcomeMessage, socket: HubSocket, proven: boolean): void;
  /** The hub has not, or we have not taken it; the connection ends. `proven`: it has our key. */
  refused(code: string, text: string, proven: boolean): void;
  /** A message after that; returns why the hub is going to close, if this says so. */
  message(message: Message, socket: HubSocket): string | undefined;
  /** Something came that is no message. */
  error(error: unknown, what: string): void;
}

/**
 * Connects, joins, and hands on what comes until the connection is over: broken, closed, silent for
 * as long as the hub said, or `signal`.
 *
 * @param authorities See {@linkcode reach}.
 * @returns Why it is over, in words.
 */
export async function holdConnection(
  address: HubAddress,
  authorities: string | undefined,
  handler: ConnectionHandler,
  signal: AbortSignal,
): Promise<string> {
  // A computer that is off says nothing, and the system would wait for two minutes.
  const reached = await doInTime((over) => reach(address, authorities, over), {
    sec: JOIN_SEC,
    late: `${address.host}:${address.port} did not answer within ${JOIN_SEC} s`,
    signal,
  });
  if (signal.aborted) return "closed";
  const where = reached.address;
  const { message: init, introduction } = handler.init(reached);
  const end = Promise.withResolvers<string>();
  let heard = performance.now();
  let timeoutMs = JOIN_SEC * 1000;
  let welcomed = false;
  let distrusted = false;
  let isOver = false;
  let lastWords: string | undefined;
  let stopWatch = () => {};
  /** Looks when it could be too late, and not before: a client that has nothing to do sleeps. */
  function watch(): void {
    stopWatch();
    const leftMs = heard + timeoutMs - performance.now();
    if (leftMs > 0) return void (stopWatch = afterPatience(leftMs, watch));
    const seconds = Math.round(timeoutMs / 1000);
    end.resolve(
      welcomed ? `silent for ${seconds} s` : `${where} did not answer within ${seconds} s`,
    );
  }
  watch();
  const aborted = () => end.resolve("closed");
  signal.addEventListener("abort", aborted);

  /** We do not take the hub. */
  function distrust(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    distrusted = true;
    handler.refused(UNPROVEN, text, false);
    end.resolve(text);
  }

  async function prove(challenge: ChallengeMessage): Promise<void> {
    try {
      const proof = await introduction.answer(challenge);
      socket.send(encodeMessage(proof));
    } catch (error) {
      distrust(error);
    }
  }

  function take(data: string): void {
    if (distrusted || isOver) return;
    heard = performance.now();
    let message: Message;
    try {
      message = parseMessage(data, { maxBytes: Infinity, maxNesting: Infinity });
    } catch (error) {
      return handler.error(error, "Got something that is no message");
    }
    if (welcomed) {
      const why = handler.message(message, socket);
      if (why !== undefined) lastWords = why;
      return;
    }
    let answer: FromHub | undefined;
    try {
      answer = asFromHub(message);
    } catch (error) {
      return handler.error(error, "Got a message of the hub that is not as it should be");
    }
    if (answer?.cmd === "_error") {
      const { code } = answer;
      const text = introduction.proven ? answer.text : harmless(answer.text);
      handler.refused(code, text, introduction.proven);
      end.resolve(text);
    } else if (answer?.cmd === "_challenge") {
      void prove(answer);
    } else if (answer?.cmd === "_welcome") {
      try {
        introduction.welcomed(answer.hub);
      } catch (error) {
        return distrust(error);
      }
      welcomed = true;
      timeoutMs = (answer.timeout > 0 ? answer.timeout : TIMEOUT_SEC) * 1000;
      watch();
      handler.welcomed(answer, socket, introduction.proven);
    } else if (answer?.cmd === "_ping") {
      socket.send('{"cmd":"_pong"}');
    }
  }

  const socket = reached.open({
    opened: () => socket.send(encodeMessage(init)),
    text: take,
    over: (reason) => end.resolve(lastWords ?? reason),
  });
  const reason = await end.promise;
  stopWatch();
  signal.removeEventListener("abort", aborted);
  isOver = true;
  const closed = socket.close();
  // A client that leaves says goodbye. A connection that is dead may never finish closing, and nobody
  // waits for it.
  if (signal.aborted) await inTime(closed, GOODBYE_MS);
  return reason;
}
