// The hub: takes connections in, and passes messages from one to the other. No I/O, no clock of its
// own. This file puts its parts together, each of which does one thing:
//
//   roster       who is here                 joining     how one comes in, and gets its name
//   forward      the quick way through       leaving     refusals, and how one goes
//   route        the way of what is parsed   heartbeat   what is due with time
//   post         the way out                 answers     what the hub itself is asked
//   subscribers  who listens to a topic      spies       who sees everything
//   mailboxes    what waits for a name       receipts    who is told that a message is safe
//   retained     the last values of topics   history     what was routed before
//   entrance     who has a key               review      what changed rights mean for who is here
//   set_clock    what is to be kept for so long, when the computer's clock is set
//   signs_of_life  pings and their answers
//   pressure     who is not read for a while, as the journal's disk is slow

import type { Envelope } from "../envelope.ts";
import type { LogLevel } from "../log.ts";
import {
  type ClientEntry,
  type ErrorCode,
  type HubStats,
  MessageError,
  parseMessage,
} from "../message.ts";
import type { Connection, Receiver } from "../transport/transport.ts";
import { createAnswers } from "./answers.ts";
import { type Client, newClient, whoIs } from "./client.ts";
import { createCounters } from "./counters.ts";
import { createForward, type Forward } from "./forward.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { createJoining, type Joining } from "./joining.ts";
import { createLeaving, type Leaving } from "./leaving.ts";
import { parseLine } from "./ledger_line.ts";
import { type HubOptions, type Settings, settingsFrom } from "./options.ts";
import { createMailboxes, type Mailboxes } from "./mailboxes.ts";
import { createPost, type Post } from "./post.ts";
import { createPressure, type Pressure } from "./pressure.ts";
import { createReceipts } from "./receipts.ts";
import { createRetained, type Retained } from "./retained.ts";
import { createReview } from "./review.ts";
import { createRoster } from "./roster.ts";
import { createRoundTrips } from "./round_trips.ts";
import { createRoute, type Route } from "./route.ts";
import { createSignsOfLife, type SignsOfLife } from "./signs_of_life.ts";
import { type ClockSet, createClockWatch } from "../set_clock.ts";

export type { HubOptions } from "./options.ts";

const encoder = new TextEncoder();

/** Takes connections in, and routes their messages. */
export class Hub {
  readonly name: string;
  readonly #settings: Settings;
  readonly #started: number;
  readonly #roster = createRoster();
  readonly #counters = createCounters();
  readonly #pings = createRoundTrips();
  readonly #post: Post;
  readonly #mailboxes: Mailboxes;
  readonly #retained: Retained;
  readonly #joining: Joining;
  readonly #leaving: Leaving;
  readonly #forward: Forward;
  readonly #signs: SignsOfLife;
  readonly #route: Route;
  readonly #pressure: Pressure<Client>;
  readonly #heartbeat: (now: number) => void;
  readonly #reviewed: (isNewKey: boolean) => void;
  readonly #lookAtClock: () => void;
  #down = false;

  constructor(options: HubOptions) {
    const settings = this.#settings = settingsFrom(options);
    const roster = this.#roster, counters = this.#counters;
    const { clock, log, journal } = settings;
    this.name = settings.name;
    this.#started = clock();
    const pressure = this.#pressure = createPressure<Client>({
      ...{ clock, log, nameOf: whoIs },
      backlog: journal?.backlog,
    });
    const post = this.#post = createPost({
      settings,
      counters,
      roster,
      evict: (client) => this.#leaving.evict(client),
    });
    const wasSet = createClockWatch(clock, settings.steady);
    const lookAtClock = this.#lookAtClock = () => this.#clockSet(wasSet());
    const mailboxes = this.#mailboxes = createMailboxes({
      settings,
      counters,
      roster,
      post,
      lookAtClock,
    });
    const retained = this.#retained = createRetained({ settings, post, lookAtClock });
    this.#recall();
    const joining = this.#joining = createJoining({
      settings,
      counters,
      roster,
      post,
      mailboxes,
      leaving: () => this.#leaving,
      received: (client, text) => this.#received(client, text),
    });
    const { alive, stopWaiting, freed } = joining;
    const leaving = this.#leaving = createLeaving({
      settings,
      counters,
      roster,
      post,
      stopWaiting,
      keepMail: mailboxes.leave,
      readOn: pressure.forget,
      freed,
    });
    this.#forward = createForward({ settings, counters, roster, post, alive });
    const signs = this.#signs = createSignsOfLife({
      settings,
      counters,
      post,
      joining,
      pings: this.#pings,
    });
    const stats = () => this.stats();
    const answer = createAnswers({
      settings,
      roster,
      post,
      joining,
      leaving,
      mailboxes,
      retained,
      signs,
      stats,
    });
    const receipts = createReceipts({ settings, counters, post });
    this.#route = createRoute({
      settings,
      counters,
      roster,
      post,
      mailboxes,
      retained,
      receipts,
      answer,
    });
    this.#reviewed = createReview({ settings, roster, post, leaving });
    this.#heartbeat = createHeartbeat({
      settings,
      counters,
      roster,
      signs,
      joining,
      leaving,
      mailboxes,
    });
  }

  /** What the ledger holds of mail and last values; from now on it can be written anew from here. */
  #recall(): void {
    const { ledger } = this.#settings;
    const mailboxes = this.#mailboxes, retained = this.#retained, roster = this.#roster;
    const parse = (lines: readonly string[]) =>
      lines.map(parseLine).filter((line) => line !== undefined);
    for (const line of parse(ledger?.recall() ?? [])) {
      mailboxes.recall(line);
      retained.recall(line);
    }
    mailboxes.begin();
    ledger?.recallLate?.((lines) => {
      const parsed = parse(lines);
      mailboxes.adopt(parsed);
      retained.adopt(parsed, (topic) => roster.subscribers.of(topic));
    });
    ledger?.rewriteFrom(
      function* () {
        yield* mailboxes.lines();
        yield* retained.lines();
      },
      () => mailboxes.bytes + retained.bytes,
    );
  }

  /** What was to be kept for so long is kept for so long, however wrong the clock was when it came. */
  #clockSet(set: ClockSet | undefined): void {
    if (set === undefined) return;
    const { log, ledger } = this.#settings;
    const sec = Math.round(Math.abs(set.by) / 1000);
    log.warn(
      set.by > 0
        ? `The computer's clock was set forward by ${sec} s, or the computer slept`
        : `The computer's clock was set back by ${sec} s`,
    );
    this.#mailboxes.clockSet(set);
    this.#retained.clockSet(set);
    ledger?.writeAnew?.();
  }

  /** Takes a connection in; it has to introduce itself with `_init`. */
  attach(connection: Connection): Receiver {
    const client = newClient(connection, this.#settings.clock());
    this.#roster.all.add(client);
    const { address, transport } = connection;
    this.#settings.log.debug("connected", { address, transport });
    if (this.#down) this.#leaving.turnAway(client, "shutting-down", "The hub is shutting down");
    return {
      scanned: (envelope) => this.#scanned(client, envelope),
      received: (text) => this.#received(client, text),
      garbled: (code, text, fatal) => this.#garbled(client, code, text, fatal),
      read: (bytes) => {
        if (client.gone) return undefined;
        client.unended += bytes;
        return this.#pressure.brought(client, bytes);
      },
      closed: (reason) => this.#leaving.forget(client, reason),
    };
  }

  /** Does what is due: pings, timeouts, names whose holder is silent. To be called each second. */
  tick(now: number): void {
    this.#lookAtClock();
    this.#pressure.tick(now);
    this.#heartbeat(now);
  }

  /** Who is joined, by name. */
  clients(): ClientEntry[] {
    return this.#roster.entries();
  }

  /** The hub's counters. */
  stats(): HubStats {
    const { clock, journal, ledger, queueBytes, restarts } = this.#settings;
    const { all, size } = this.#roster;
    let queued = 0, queuedMost = 0;
    for (const { connection } of all) {
      queued += connection.queued;
      queuedMost = Math.max(queuedMost, connection.queued);
    }
    return {
      uptime: (clock() - this.#started) / 1000,
      restarts,
      connections: all.size,
      clients: size,
      queued,
      queuedMost,
      queueLimit: queueBytes,
      ...this.#counters,
      refusals: { ...this.#counters.refusals },
      ...this.#pressure.stats(),
      pings: this.#pings.stats(),
      mailboxes: this.#mailboxes.stats(),
      lastValues: this.#retained.stats(),
      ...(journal === undefined ? {} : { journal: journal.stats() }),
      ...(ledger === undefined ? {} : { ledger: ledger.stats() }),
    };
  }

  /** Publishes a line of the log on `_hub/log`. */
  publishLog(level: LogLevel, text: string): void {
    this.#post.publish("_hub/log", { cmd: "log", level, text });
  }

  /** Publishes something that somebody should look at, on `_hub/alarm`. */
  publishAlarm(source: string, state: string, text: string): void {
    this.#post.publish("_hub/alarm", { cmd: "alarm", source, state, text });
  }

  /** The door has other rights or another key: everybody is looked at again. */
  doorChanged(isNewKey = false): void {
    this.#reviewed(isNewKey);
  }

  /** Tells everybody that the hub ends, and closes their connections. */
  shutdown(): void {
    this.#down = true;
    const all = [...this.#roster.all];
    for (const client of all) {
      if (client.gone) continue;
      this.#post.tell(client, {
        cmd: "_error",
        code: "shutting-down",
        text: "The hub is shutting down; join again when it is back",
      });
    }
    for (const client of all) {
      this.#pressure.forget(client);
      client.gone = true;
      client.connection.close("the hub is shutting down");
    }
    this.#roster.clear();
    this.#post.spies.clear();
  }

  /** A message whose envelope is known. */
  #scanned(client: Client, envelope: Envelope): void {
    if (client.gone) return;
    if (this.#forward(client, envelope) || this.#signs.take(client, envelope)) return;
    this.#received(client, envelope.text());
  }

  /** Any message, as text. */
  #received(client: Client, text: string): void {
    if (client.gone) return;
    this.#joining.alive(client, this.#settings.clock());
    if (this.#joining.isUndecided(client)) return this.#joining.hold(client, text);
    client.received++;
    this.#counters.bytes += encoder.encode(text).length;
    try {
      const message = parseMessage(text, { maxBytes: this.#settings.maxBytes });
      if (client.name === undefined) this.#joining.introduced(client, message);
      else this.#route(client, client.name, message);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      const { code, message, id } = error;
      if (client.name === undefined) this.#leaving.turnAway(client, code, message, id);
      else this.#leaving.refuse(client, code, message, id);
    }
  }

  #garbled(client: Client, code: ErrorCode, text: string, fatal: boolean): void {
    if (client.gone) return;
    this.#joining.alive(client, this.#settings.clock());
    if (fatal || client.name === undefined) this.#leaving.turnAway(client, code, text);
    else this.#leaving.refuse(client, code, text);
  }
}
