// What a controller has of a host agent: it claims the experiment there, sends orders until they are
// carried out, and hears what becomes of the programs. All of it is told again after each loss.

import type { Off, Outgoing } from "../client.ts";
import { computerName } from "../environment.ts";
import type { Message } from "../message.ts";
import {
  type HostReport,
  isObject,
  objects,
  type Order,
  readAlarm,
  readClockSet,
  readReports,
  readVerdict,
  texts,
} from "./host_report.ts";
import { HUB_AWAY } from "../status/program_status.ts";
import { createHostClock } from "./host_clock.ts";
import { createHostLines } from "./host_lines.ts";
import { createOrderSender } from "./order_sender.ts";
import type { HostLink, HostLinkOptions, RemoteEnd } from "./host_link_contract.ts";

/** An agent says something at least every 5 s; silent for longer than this it is not there, in ms. */
const SILENT_MS = 15_000;
/** The hub is asked whether it is there itself when nothing of it was heard for so long, in ms. */
const ASK_HUB_MS = 10_000;
/** How long an answer may take, in seconds; then that is said. */
const ANSWER_SEC = 5;
/** Between two tries to claim after a refusal, in milliseconds. */
const TRY_MS = 2000;
/** The same where none is answered, at first and at most: over a slow line they would be in the way. */
const UNANSWERED_MS = ANSWER_SEC * 1000 + TRY_MS;
const MOST_UNANSWERED_MS = 60_000;
/** When the hub is back its clients come within 5 s; a host has so long, in milliseconds. */
const BACK_MS = 10_000;
/** How long nobody is told that nothing is known yet, after the start, in milliseconds. */
const FRESH_MS = 3000;

const isLate = (error: unknown) => error instanceof DOMException && error.name === "TimeoutError";

/** Makes the link; nothing is sent before its first tick. */
export function createHostLink(options: HostLinkOptions): HostLink {
  const { host, experiment, claim, client, presence, log, now } = options;
  const ends = new Map<string, RemoteEnd>();
  /** Programs that the agent knows and nobody here wants: they are stopped and forgotten. */
  const strays = new Map<string, Order>();
  const offs: Off[] = [];
  const clock = createHostClock({ host, log });
  /** What it has raised alarms of. */
  let alarmed = new Set<string>();
  const first = `${host} is asked for what it knows`;
  let trouble: string | undefined = first;
  let refusal: string | undefined;
  let claimed = false;
  let wasThere = false;
  /** The claims that are on their way, and since when; over a slow line an answer may be late, and is as good. */
  const asking = new Map<string, number>();
  /** The limits that it was told last, as text. */
  let toldDisk = "";
  let nextTry = 0;
  let heardAt = 0;
  let over = false;
  /** Until then it may just not have answered yet. */
  let freshUntil = now() + FRESH_MS;

  const about = { to: host, experiment, claim };
  const output = createHostLines({
    about,
    client,
    answerSec: ANSWER_SEC,
    trouble: () => claimed ? undefined : trouble,
    isHere: (program) => ends.has(program),
    tell,
  });

  function setTrouble(text: string, refused?: string): void {
    if (text === trouble && refused === refusal) return;
    trouble = text;
    refusal = refused;
    for (const end of [...ends.values()]) end.linkChanged();
  }

  function lose(why: string): void {
    claimed = false;
    asking.clear();
    nextTry = 0;
    setTrouble(why);
  }

  function fail(error: unknown, what: string): void {
    const why = error instanceof Error ? error.message : String(error);
    log.debug(`Cannot ${what} of ${host}: ${why}`);
  }

  async function askClaim(): Promise<void> {
    if (client === undefined) return;
    const id = crypto.randomUUID();
    nextTry = now() + Math.min(MOST_UNANSWERED_MS, UNANSWERED_MS * 2 ** asking.size);
    asking.set(id, now());
    const who = { host: computerName() ?? "?", pid: Deno.pid };
    const disk = { ...options.disk(), folders: [...options.disk().folders] };
    toldDisk = JSON.stringify(disk);
    try {
      // The answer is taken where all that it sends is, in the order in which it comes.
      await client.request({ ...about, ...who, disk, cmd: "agent-claim", id }, {
        timeoutSec: ANSWER_SEC,
      });
    } catch (error) {
      if (!asking.has(id)) return;
      fail(error, "claim the experiment");
      if (!isLate(error)) {
        asking.delete(id);
        nextTry = now() + TRY_MS;
      }
      setTrouble(
        `${host} is in the hub, but does not answer as a host agent (abcd exec --name ${host} --agent)`,
      );
    }
  }

  function takeClaim(message: Message): void {
    const asked = asking.get(message.re ?? "");
    if (asked === undefined) return;
    asking.clear();
    heardAt = now();
    const { error } = message;
    if (typeof error === "string") {
      nextTry = now() + TRY_MS;
      freshUntil = 0;
      return setTrouble(error, message.code === "not-allowed" ? error : undefined);
    }
    claimed = wasThere = true;
    freshUntil = 0;
    const { time = 0 } = message;
    clock.shows({ time, setSec: readClockSet(message), lateSec: (now() - asked) / 1000 });
    log.info(`${host} is there`);
    // Each program is told with what is known of it: what was known before says nothing now.
    trouble = refusal = undefined;
    strays.clear();
    const reports = new Map(reportsOf(message).map((one) => [one.name, one]));
    for (const end of [...ends.values()]) {
      const report = reports.get(end.name);
      reports.delete(end.name);
      end.reported(report);
      if ((report?.ended ?? 0) > end.lastEnd) askWhy(end.name);
    }
    for (const stray of reports.values()) takeStray(stray);
    const alarms = objects(message.alarms).flatMap((one) => readAlarm(one) ?? []);
    const over = alarmed.difference(new Set(alarms.map(({ source }) => source)));
    for (const source of over) options.alarm({ source, state: "over", text: "over", since: 0 });
    for (const alarm of alarms) options.alarm(alarm);
    alarmed = new Set(alarms.map(({ source }) => source));
    output.again();
    send();
  }

  const reportsOf = (message: Message) => readReports(message).map(clock.ours);

  function takeStray({ name, state, order }: HostReport): void {
    if (["stopped", "exited", "fatal"].includes(state)) {
      strays.delete(name);
      tell({ ...about, cmd: "agent-forget", programs: [name] });
      return;
    }
    if (strays.has(name)) return;
    log.info(`${name}: runs on ${host} and is not in the file; it is stopped`);
    strays.set(name, { name, what: "stop", order: order + 1 });
    send();
  }

  function takeReports(message: Message): void {
    heardAt = now();
    if (!claimed || message.experiment !== experiment) return;
    clock.wasSet(readClockSet(message));
    for (const report of reportsOf(message)) {
      const end = ends.get(report.name);
      if (end === undefined) takeStray(report);
      else {
        end.reported(report);
        if ((report.ended ?? 0) > end.lastEnd) askWhy(report.name);
      }
    }
    for (const name of texts(message.unknown)) ends.get(name)?.reported(undefined);
    const { refused } = message;
    if (!isObject(refused)) return;
    for (const [name, why] of Object.entries(refused)) {
      if (typeof why === "string") ends.get(name)?.refused(why);
    }
  }

  /** Of the host itself, such as its disks. */
  function takeAlarm({ experiment: of, alarm: value }: Message): void {
    heardAt = now();
    const alarm = readAlarm(value);
    if (alarm === undefined || of !== experiment) return;
    alarmed.add(alarm.source);
    options.alarm(alarm);
  }

  function takeVerdicts(message: Message): void {
    heardAt = now();
    if (message.experiment !== experiment) return;
    const list = message.cmd === "host-verdict" ? [message] : objects(message.verdicts);
    for (const { program, verdict } of list) {
      const one = readVerdict(verdict);
      if (one !== undefined && typeof program === "string") ends.get(program)?.ended([one]);
    }
  }

  function tell(message: Outgoing): void {
    try {
      client?.send(message);
    } catch (error) {
      fail(error, message.cmd);
    }
  }

  function askWhy(program: string): void {
    tell({ ...about, cmd: "agent-why", programs: [program], id: crypto.randomUUID() });
  }

  async function ask(orders: readonly Order[]): Promise<void> {
    if (client === undefined) return;
    try {
      const answer = await client.request(
        { ...about, cmd: "agent-order", orders: orders.map((one) => ({ ...one })) },
        { timeoutSec: SILENT_MS / 1000 },
      );
      if (typeof answer.error === "string") throw new Error(answer.error);
    } catch (error) {
      fail(error, "order something");
      if (claimed) lose(`${host} has not answered an order`);
    }
  }
  const send = createOrderSender(() => {
    const ordered = [...ends.values()].flatMap(({ order }) => order ?? []);
    return claimed ? [...strays.values(), ...ordered] : [];
  }, ask);

  /** Until then the host, too, may be on its way back to the hub. */
  let backUntil = 0;
  let isSending = false;
  /** All that is ordered in one turn goes in one message: a hundred programs may start at once. */
  function sendSoon(): void {
    if (isSending) return;
    isSending = true;
    queueMicrotask(() => {
      isSending = false;
      if (!over) send();
    });
  }

  const fromHost = (take: (message: Message) => void) => (message: Message) => {
    if (message.from === host && !over) take(message);
  };
  if (client !== undefined) {
    offs.push(
      client.on("host-claim", fromHost(takeClaim)),
      client.on("host-order", fromHost(takeReports)),
      client.on("host-state", fromHost(takeReports)),
      client.on("host-verdict", fromHost(takeVerdicts)),
      client.on("host-alarm", fromHost(takeAlarm)),
      client.on("host-why", fromHost(takeVerdicts)),
      client.subscribe("_hub/left", ({ name }) => {
        if (name === host) lose(`${host} has left the hub`);
        output.left(String(name));
      }),
      client.subscribe("_hub/joined", ({ name }) => {
        if (name === host) lose(trouble === HUB_AWAY ? HUB_AWAY : first);
      }),
      client.addEventListener("lost", () => {
        output.lost();
        lose(HUB_AWAY);
      }),
      client.addEventListener("joined", () => void (backUntil = now() + BACK_MS)),
    );
  }

  /** Why there is no use in asking now. */
  function absence(): string | undefined {
    if (client === undefined) return `${host} is reached through a hub, and there is none`;
    if (!client.joined) {
      return trouble === first ? `there is no hub yet, through which ${host} is reached` : HUB_AWAY;
    }
    if (!presence.known || presence.has(host)) return undefined;
    if (trouble === HUB_AWAY && now() < backUntil) return HUB_AWAY;
    const start =
      `start it there with: abcd exec --name ${host} --agent --allow-experiment ${experiment}`;
    return wasThere
      ? `${host} is away: its network, computer or agent; its programs go on. If the agent is not up, ${start}`
      : `there is no "${host}" in the hub; ${start}`;
  }

  return {
    host,
    get trouble() {
      return trouble;
    },
    get isFresh() {
      return freshUntil > 0;
    },
    get refusal() {
      return refusal;
    },
    add: (end) => void ends.set(end.name, end),
    remove: (name) => void ends.delete(name),
    forget(name) {
      ends.delete(name);
      if (claimed) tell({ ...about, cmd: "agent-forget", programs: [name] });
    },
    send: sendSoon,
    tick() {
      if (freshUntil > 0 && now() > freshUntil) {
        freshUntil = 0;
        for (const end of [...ends.values()]) end.linkChanged();
      }
      const why = absence();
      if (why !== undefined) return lose(why);
      if (claimed && !presence.known) heardAt = now(); // that the hub is silent says nothing of it
      if (claimed && now() - heardAt > ASK_HUB_MS) presence.refresh();
      if (claimed && now() - heardAt > SILENT_MS) lose(`${host} has been silent`);
      if (claimed || !presence.known || now() < nextTry) return;
      askClaim();
    },
    renew() {
      if (!claimed || JSON.stringify(options.disk()) === toldDisk) return;
      // All that it knows is told with the answer: nothing is taken from it before.
      claimed = false;
      askClaim();
    },
    lines: output.read,
    async release() {
      if (!claimed || client === undefined) return;
      try {
        await client.request({ ...about, cmd: "agent-release" }, { timeoutSec: ANSWER_SEC });
      } catch (error) {
        fail(error, "take leave");
      }
    },
    [Symbol.dispose]() {
      over = true;
      for (const off of offs) off();
    },
  };
}
