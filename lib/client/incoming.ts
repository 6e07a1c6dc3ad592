// What comes from the hub, and who gets it: who waits for an answer, the handlers, those who spy.

import { encodeMessage, EVERYONE, HUB_NAME, type Message } from "../message.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Inbox } from "./inbox.ts";
import type { Listeners } from "./listeners.ts";
import type { Requests } from "./requests.ts";

/** Parts of a client that what comes in goes to. */
export interface IncomingParts {
  /** The name under which the client is in the hub. */
  readonly name: () => string;
  readonly requests: Requests;
  readonly deliveries: Deliveries;
  readonly inbox: Inbox;
  readonly listeners: Listeners;
  /** Sends the hub something at once. */
  readonly tell: (text: string) => void;
  /** Told that the hub refused something that nobody waits for. */
  readonly refused: (code: string, text: string, re: string | undefined) => void;
}

/** Takes in what comes. */
export interface Incoming {
  /**
   * Holds back what is for the handlers, until the next turn: who awaits `connect()` sets its handlers
   * then, and what comes before them would be handed to nobody.
   */
  holdBack(): void;
  /** What is held back goes to the handlers now. */
  release(): void;
  /** Takes a message; returns why the hub is going to close, if it said so. */
  take(message: Message): string | undefined;
  /** The hub is gone: what is held back is nothing any more. */
  lost(): void;
}

/** Makes what takes in the messages of a client. */
export function createIncoming(parts: IncomingParts): Incoming {
  const { name, requests, deliveries, inbox, listeners } = parts;
  let held: (() => void)[] | undefined;

  /** The hub refused something; returns why it is going to close, if that is so. */
  function refused({ code: given, text: words, re }: Message): string | undefined {
    const code = String(given), text = String(words);
    parts.refused(code, text, re);
    return code === "slow-consumer" || code === "shutting-down" ? text : undefined;
  }

  /** To the handlers. */
  function hand(message: Message, forMe: boolean, ofHub: boolean): void {
    const { cmd, to, topic } = message;
    if (forMe || topic !== undefined) {
      const isMail = to === name() && !ofHub;
      const done = inbox.take(message, isMail);
      if (done !== undefined) listeners.hand(message, forMe, done);
      else if (isMail) return;
    }
    // What the hub says to this client in the course of the protocol is not news to its spy.
    if (!(forMe && ofHub && cmd.startsWith("_"))) listeners.show(message);
  }

  function release(): void {
    const all = held ?? [];
    held = undefined;
    for (const each of all) each();
  }

  return {
    release,
    holdBack() {
      const mine: (() => void)[] = held = [];
      setTimeout(() => {
        if (held === mine) release();
      }, 0);
    },
    take(message) {
      const { cmd, from, to, topic } = message;
      const ofHub = from === undefined || from === HUB_NAME;
      const forMe = to === name() || (to === EVERYONE && from !== name()) ||
        (to === undefined && topic === undefined && ofHub);
      const answered = forMe &&
        (requests.answered(message) || (ofHub && deliveries.answered(message)));
      let why: string | undefined;
      if (forMe && ofHub) {
        if (cmd === "_ping") parts.tell(encodeMessage({ cmd: "_pong", re: message.id }));
        else if (cmd === "_error" && !answered) why = refused(message);
      }
      if (held === undefined) hand(message, forMe, ofHub);
      else held.push(() => hand(message, forMe, ofHub));
      return why;
    },
    lost() {
      held = undefined;
    },
  };
}
