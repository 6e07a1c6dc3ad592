// What happens to a client, told to who listens.

import type { Log } from "../log_contract.ts";
import type { ClientEvents, Off } from "./contract.ts";
import { addTo } from "./listeners.ts";

/** The events of a client. */
export interface Events {
  on<E extends keyof ClientEvents>(type: E, listener: (event: ClientEvents[E]) => void): Off;
  /** Tells all who listen. What one of them throws is in the log, and stops nothing. */
  emit<E extends keyof ClientEvents>(type: E, event: ClientEvents[E]): void;
  /** Tells of an error, in the log too; `what` says what it is about. */
  error(thrown: unknown, what: string): void;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Begins with nobody who listens.
 *
 * @param unheard Told of refusals and errors that nobody listens to, with the error, if there is one.
 */
export function createEvents(
  log: Log,
  unheard: (text: string, error?: Error) => void = () => {},
): Events {
  const listeners = new Map<string, Set<(event: unknown) => void>>();

  function emit<E extends keyof ClientEvents>(type: E, event: ClientEvents[E]): void {
    for (const listener of listeners.get(type) ?? []) {
      try {
        listener(event);
      } catch (error) {
        log.error(`A listener of "${type}" failed: ${asError(error).message}`);
      }
    }
  }

  return {
    emit(type, event) {
      if (type === "refused" && !listeners.has(type) && "text" in event) {
        unheard(`The hub refused: ${event.text}`);
      }
      emit(type, event);
    },
    on: (type, listener) => addTo(listeners, type, listener as (event: unknown) => void),
    error(thrown, what) {
      const error = asError(thrown);
      log.error(`${what}: ${error.message}`);
      if (!listeners.has("error")) unheard(what, error);
      emit("error", { error });
    },
  };
}
