// What the hub answers to the messages that are for the hub itself.

import { MAX_SUBSCRIPTIONS } from "../defaults.ts";
import { changeLevel, type LevelChange } from "../log_level.ts";
import { type HubStats, type LogRequest, MessageError, type ToHub } from "../message.ts";
import type { Client } from "./client.ts";
import { createHistory } from "./history.ts";
import { takeStatus } from "./status.ts";
import type { Joining } from "./joining.ts";
import type { Leaving } from "./leaving.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { Settings } from "./options.ts";
import type { Post } from "./post.ts";
import type { Retained } from "./retained.ts";
import type { Roster } from "./roster.ts";
import type { SignsOfLife } from "./signs_of_life.ts";

/** Parts of the hub that answers are made with. */
export interface AnswerParts {
  readonly settings: Settings;
  readonly roster: Roster;
  readonly post: Post;
  readonly joining: Joining;
  readonly leaving: Leaving;
  readonly mailboxes: Mailboxes;
  readonly retained: Retained;
  readonly signs: SignsOfLife;
  readonly stats: () => HubStats;
}

/**
 * Makes what answers a client that has joined under this name.
 *
 * @returns It throws a {@linkcode MessageError} if the request is refused.
 */
export function createAnswers(
  parts: AnswerParts,
): (client: Client, name: string, request: ToHub) => void {
  const { settings, roster, post, joining, mailboxes, retained, signs, stats } = parts;
  const { journal, log } = settings;
  const history = createHistory(parts);

  /** @returns What the answer says. */
  function setLevel(name: string, { level }: LogRequest): LevelChange {
    const change = changeLevel(log, level, name);
    if (change.level !== change.was) {
      const { was } = change;
      const text = `The hub's log level is ${level}, set by ${name}; it was ${was}`;
      post.publish("_hub/log", { cmd: "log", level: "info", text });
    }
    return change;
  }

  /** @throws {MessageError} If the client may not have all of these subscriptions. */
  function subscribe(client: Client, topics: readonly string[], re: string | undefined): void {
    for (const topic of topics) {
      const why = client.rights?.subscribe(topic);
      if (why === undefined) continue;
      throw new MessageError("denied", `Cannot subscribe to "${topic}": ${why}`, "topics", re);
    }
    if (client.topics.size + topics.length > MAX_SUBSCRIPTIONS) {
      const all = new Set([...client.topics, ...topics]).size;
      if (all > MAX_SUBSCRIPTIONS) {
        const text = `Cannot subscribe: you would have ${all} subscriptions, and at most ` +
          `${MAX_SUBSCRIPTIONS} may be; + and # take many topics at once`;
        throw new MessageError("bad-message", text, "topics", re);
      }
    }
    for (const topic of topics) client.topics.add(topic);
    roster.subscribers.changed();
  }

  return (client, name, request) => {
    const re = request.id;
    switch (request.cmd) {
      case "_init":
        if (request.name !== name) {
          throw new MessageError("denied", `Cannot join again: you are "${name}"`, "name", re);
        }
        return post.tell(client, joining.welcome(client, name, re));
      case "_proof":
        throw new MessageError("denied", `Cannot join again: you are "${name}"`, "cmd", re);
      case "_ping":
        return post.tell(client, { cmd: "_pong", re });
      case "_pong":
        return signs.answered(client);
      case "_log":
        return post.tell(client, { cmd: "_ok", ...setLevel(name, request), re });
      case "_clients":
        return post.tell(client, { cmd: "_clients", clients: roster.entries(), re });
      case "_stats":
        return post.tell(client, { cmd: "_stats", ...stats(), re });
      case "_subscribe":
        subscribe(client, request.topics, re);
        post.tell(client, { cmd: "_ok", re });
        return retained.give(client, request.topics);
      case "_unsubscribe":
        for (const topic of request.topics) client.topics.delete(topic);
        roster.subscribers.changed();
        return post.tell(client, { cmd: "_ok", re });
      case "_spy":
        // First the answer, then what is seen: a program waits for the one to begin the other.
        post.spies.remove(client);
        post.tell(client, { cmd: "_ok", re, seq: journal?.seq });
        if (request.on && !client.gone) post.spies.add(client, request.only);
        return;
      case "_status":
        takeStatus(client, name, request, parts);
        if (re !== undefined) post.tell(client, { cmd: "_ok", re });
        return;
      case "_got":
        return mailboxes.got(client, request._mail);
      case "_mailboxes":
        return post.tell(client, { cmd: "_mailboxes", mailboxes: mailboxes.entries(), re });
      case "_close_mailbox": {
        const dropped = mailboxes.close(request.name, re);
        return post.tell(client, { cmd: "_ok", dropped, re });
      }
      case "_forget":
        for (const topic of request.topics) {
          const why = client.rights?.publish(topic);
          if (why === undefined) continue;
          throw new MessageError("denied", `Cannot forget "${topic}": ${why}`, "topics", re);
        }
        return post.tell(client, { cmd: "_ok", forgotten: retained.forget(request.topics), re });
      case "_history":
        return history(client, name, request);
    }
  };
}
