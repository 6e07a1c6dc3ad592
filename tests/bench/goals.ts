// The goals that the hub is held against, each a ratio within one run or a bound. Pure.

import type { Figures } from "./figures.ts";

/** The measures, as the figures name them. */
export const MEASURE = {
  oneToOne: "one to one, /s",
  oneToOneCpu: "one to one, server CPU µs",
  singles: "50 single producers, /s",
  fanOut: "fan-out to 50, deliveries/s",
  fanOutCpu: "fan-out to 50, server CPU µs",
  p50: "round trip p50, µs",
  p99: "round trip p99, µs",
  spyP50: "round trip with a spy p50, µs",
  spyP99: "round trip with a spy p99, µs",
  spyFanOut: "fan-out to 50 beside a spy, deliveries/s",
  spyOneToOne: "one to one beside a spy, /s",
  slowFanOut: "fan-out to 50 beside a slow consumer, deliveries/s",
  plainFanOut: "fan-out to 50 with nobody beside it, deliveries/s",
  idleBytes: "memory of an idle client, bytes",
  idleCore: "5,000 idle clients, part of a core",
  startMs: "start to first connection, ms",
  lost: "messages that the journal did not keep",
  pauses: "times that a sender was slowed down for the journal's disk",
} as const;

/** One goal. */
export interface Goal {
  readonly text: string;
  /** "at least" or "at most" this. */
  readonly wanted: string;
  readonly got: string;
  /** `undefined`: something that it compares was not measured. */
  readonly met: boolean | undefined;
}

const NATS = "nats-server", MOSQUITTO = "mosquitto";
/** NATS with what it has for a journal. */
export const JETSTREAM = "nats-server with JetStream";

/** A number with two or three places that say something. */
function short(n: number): string {
  return n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2);
}

/**
 * Holds figures against the goals.
 *
 * @param name The hub's rows are `NAME, TCP`, `NAME, WebSocket`, and `NAME`.
 * @param journal The same hub with a journal.
 * @param options.isCompiled How soon it starts is a goal for the executable alone.
 */
export function goalsOf(
  figures: Figures,
  name: string,
  journal: string,
  { isCompiled }: { isCompiled: boolean },
): Goal[] {
  const m = MEASURE;
  const tcp = `${name}, TCP`, ws = `${name}, WebSocket`;

  function bound(
    text: string,
    value: number | undefined,
    least: boolean,
    limit: number,
    unit = "",
  ) {
    const wanted = `${least ? "≥" : "≤"} ${limit}${unit}`;
    if (value === undefined || Number.isNaN(value)) {
      return { text, wanted, got: "not measured", met: undefined };
    }
    const met = least ? value >= limit : value <= limit;
    return { text, wanted, got: `${short(value)}${unit}`, met };
  }
  function ratio(
    text: string,
    [row, measure]: readonly [string, string],
    [otherRow, otherMeasure]: readonly [string, string],
    least: boolean,
    limit: number,
  ): Goal {
    const value = figures.median(row, measure), other = figures.median(otherRow, otherMeasure);
    const parts = value === undefined || other === undefined ? undefined : value / other;
    return bound(text, parts, least, limit, " ×");
  }
  const idle = figures.median(name, m.idleBytes);
  const core = figures.median(name, m.idleCore);
  return [
    ratio("TCP, one to one: nats-server's rate", [tcp, m.oneToOne], [NATS, m.oneToOne], true, 1),
    ratio(
      "TCP, one to one: nats-server's CPU a message",
      [tcp, m.oneToOneCpu],
      [NATS, m.oneToOneCpu],
      false,
      1,
    ),
    ratio("TCP, fan-out: nats-server's rate", [tcp, m.fanOut], [NATS, m.fanOut], true, 1),
    ratio(
      "TCP, fan-out: nats-server's CPU a delivery",
      [tcp, m.fanOutCpu],
      [NATS, m.fanOutCpu],
      false,
      1,
    ),
    ratio("WebSocket, one to one: mosquitto's", [ws, m.oneToOne], [MOSQUITTO, m.oneToOne], true, 6),
    ratio("WebSocket, fan-out: mosquitto's", [ws, m.fanOut], [MOSQUITTO, m.fanOut], true, 15),
    ratio("TCP, 50 producers: nats-server's rate", [tcp, m.singles], [NATS, m.singles], true, 1),
    ratio(
      "WebSocket, 50 producers: nats-server's rate",
      [ws, m.singles],
      [NATS, m.singles],
      true,
      1,
    ),
    ...[tcp, ws].flatMap((row) => [
      ratio(`${row}, round trip p50: mosquitto's`, [row, m.p50], [MOSQUITTO, m.p50], false, 1.3),
      ratio(`${row}, round trip p99: mosquitto's`, [row, m.p99], [MOSQUITTO, m.p99], false, 1.5),
    ]),
    ...([[m.spyP50, m.p50, "p50"], [m.spyP99, m.p99, "p99"]] as const).map(([mine, its, what]) =>
      ratio(
        `journal on and a spy attached, round trip ${what}: mosquitto's`,
        [`${journal}, TCP`, mine],
        [MOSQUITTO, its],
        false,
        2,
      )
    ),
    ratio(
      "journal on, TCP one to one: without",
      [`${journal}, TCP`, m.oneToOne],
      [tcp, m.oneToOne],
      true,
      0.8,
    ),
    ratio(
      "journal on, WebSocket one to one: without",
      [`${journal}, WebSocket`, m.oneToOne],
      [ws, m.oneToOne],
      true,
      0.8,
    ),
    ...[`${journal}, TCP`, `${journal}, WebSocket`].map((row) =>
      ratio(
        `${row}, one to one: JetStream's rate`,
        [row, m.oneToOne],
        [JETSTREAM, m.oneToOne],
        true,
        1,
      )
    ),
    bound(
      "messages that the journal did not keep",
      figures.median(journal, m.lost),
      false,
      0,
    ),
    ratio("a spy beside a fan-out: without", [tcp, m.spyFanOut], [tcp, m.plainFanOut], true, 0.9),
    ratio(
      "a slow consumer beside a fan-out: without",
      [tcp, m.slowFanOut],
      [tcp, m.plainFanOut],
      true,
      0.9,
    ),
    bound("an idle client", idle === undefined ? undefined : idle / 1024, false, 20, " KiB"),
    bound(
      "5,000 idle clients with heartbeats",
      core === undefined ? undefined : core * 100,
      false,
      5,
      " % of a core",
    ),
    ...(isCompiled
      ? [bound("start to first connection", figures.median(name, m.startMs), false, 150, " ms")]
      : []),
  ];
}
