// What is due with time: pings, the end of who is silent, and of mail that is too old.

import type { Client } from "./client.ts";
import type { Counters } from "./counters.ts";
import type { Joining } from "./joining.ts";
import type { Leaving } from "./leaving.ts";
import type { Mailboxes } from "./mailboxes.ts";
import type { Settings } from "./options.ts";
import type { Roster } from "./roster.ts";
import type { SignsOfLife } from "./signs_of_life.ts";

/** Parts of the hub that the heartbeat works with. */
export interface HeartbeatParts {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly roster: Roster;
  readonly signs: SignsOfLife;
  readonly joining: Joining;
  readonly leaving: Leaving;
  readonly mailboxes: Mailboxes;
}

/** So long may pass from one call to the next; longer, and the hub itself was away. In milliseconds. */
const LONGEST_MS = 3000;

/** Makes what is to be called about each second, with the time in milliseconds. */
export function createHeartbeat(parts: HeartbeatParts): (now: number) => void {
  const { settings, counters, roster, signs, joining, leaving, mailboxes } = parts;
  const { heartbeatSec, timeoutSec, joinSec, takeoverSec } = settings;

  let before = NaN;
  /** The hub was away until then: halted, on a computer that slept, or its clock was set. */
  let back = -Infinity;

  /** Since when its silence is its own: while the hub did not read it, it was the hub's. */
  const silentSince = (client: Client, since: number, now: number) =>
    client.resume === undefined ? Math.max(since, client.resumed, back) : now;

  /** Who forgot to close a brace says no message any more, and does not know it. */
  const unended = ({ unended: bytes, connection }: Client) =>
    bytes === 0 || connection.transport === "websocket" // which knows where a message ends
      ? ""
      : `, only ${bytes} bytes of one without an end: is a } or a " missing?`;

  /** No time is in the future, or nothing would be due until then. */
  function setBack(client: Client, now: number): void {
    client.lastSeen = Math.min(client.lastSeen, now);
    client.lastPing = Math.min(client.lastPing, now);
    client.resumed = Math.min(client.resumed, now);
    client.pinged = undefined;
    const { waiting } = client;
    if (waiting !== undefined && waiting.since > now) client.waiting = { ...waiting, since: now };
  }

  function look(client: Client, now: number): void {
    const { waiting } = client;
    if (waiting !== undefined) {
      const { holder } = waiting;
      const since = silentSince(holder, Math.max(waiting.since, holder.lastSeen), now);
      if (now - since >= takeoverSec * 1000) joining.takeOver(client);
      // It answers no pings, and says this and that.
      else if (now - waiting.since >= timeoutSec * 1000) joining.answered(holder);
    } else if (client.entering?.refusal !== undefined) {
      joining.entrance.look(client, now);
    } else if (client.name === undefined) {
      if (now - silentSince(client, client.connected, now) < joinSec * 1000) return;
      const text = `Closed: no _init within ${joinSec} s of connecting`;
      leaving.turnAway(client, "not-joined", `${text}${unended(client)}`);
    } else if (now - silentSince(client, client.lastSeen, now) >= timeoutSec * 1000) {
      counters.timeouts++;
      const reason = `no message for ${timeoutSec} s${unended(client)}`;
      leaving.closeSilent(client, reason, "answer each _ping with _pong");
    } else if (now - client.lastPing >= heartbeatSec * 1000) {
      const silentMs = now - silentSince(client, client.lastSeen, now);
      if (unended(client) !== "" && silentMs >= heartbeatSec * 1000) {
        const text = `Cannot read the message: for ${
          Math.floor(silentMs / 1000)
        } s there is no end`;
        leaving.refuse(client, "bad-json", `${text}${unended(client)}`);
      }
      signs.ping(client, now);
    }
  }

  return (now) => {
    mailboxes.tick(now);
    if (now < before || now - before > LONGEST_MS) {
      back = now;
      if (now < before) { for (const client of roster.all) setBack(client, now); }
    }
    before = now;
    for (const client of [...roster.all]) if (!client.gone) look(client, now);
  };
}
