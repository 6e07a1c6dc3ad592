// deno task bench [--runs N] [--sec S] [--only TEXT] [FILE]: how fast the hub is beside mosquitto and
// nats-server, and whether the goals are met.
//
// deno task bench supervise: abcd run beside supervisord, see supervise.ts.
//
// Writes a table, a line for each goal, and a JSON file (default dist/bench.json) with each run. What
// is not installed is left out, and said.

import { parseArgs } from "@std/cli/parse-args";
import { selfCommand } from "../../lib/process/self.ts";
import { IDLE_CLIENTS, measureIdle, measureStart } from "./alone.ts";
import { createCalm } from "./calm.ts";
import { createFigures, type Figures, medianOf } from "./figures.ts";
import { goalsOf, JETSTREAM, MEASURE } from "./goals.ts";
import { measureRoundTrips, measureThroughput, type Throughput } from "./load.ts";
import { holdMemory, type Memory } from "./memory.ts";
import { type Peer, startHub, startJetStream, startMosquitto, startNats, version } from "./peer.ts";

const RECEIVERS = 50;
const BINARY = "dist/abcd";
const HUB = "abcd", COMPILED = "abcd compiled";
const withJournal = (name: string) => `${name} with journal`;
/** A whole round of the hub's pings. */
const IDLE_SEC = 10;
const STARTS = 7;

interface Settings {
  readonly runs: number;
  /** Length of each measurement, in seconds, behind a second to warm up. */
  readonly sec: number;
  /** Only rows with this in their name. */
  readonly only: string;
  readonly file: string;
}

/** Which side used more than 0.85 of a core, of the last run, by row and measure. */
const sides = new Map<string, string>();

/** What other programs used while it was measured, in cores. */
const others: number[] = [];
const calm = createCalm();

function keep(figures: Figures, row: string, rate: string, cpu: string, given: Throughput): void {
  figures.add(row, rate, given.perSec);
  figures.add(row, cpu, given.cpuUs);
  others.push(given.otherCores);
  const server = given.serverCores > 0.85, load = given.loadCores > 0.85;
  sides.set(
    `${row}/${rate}`,
    server && load ? "both" : server ? "server" : load ? "load" : "neither",
  );
}

/** @param memory Taken in hand before each load, for a server that writes files. */
async function measure(
  figures: Figures,
  peer: Peer,
  sec: number,
  memory?: Memory,
): Promise<void> {
  const row = peer.name;
  const load = (shape: Parameters<typeof measureThroughput>[1]) => {
    return calm.take(() => {
      memory?.take();
      return measureThroughput(peer, shape);
    });
  };
  console.error(`measures ${row} …`);
  const one = { producers: 1, consumers: 1, singly: false, sec };
  const m = MEASURE;
  keep(figures, row, m.oneToOne, m.oneToOneCpu, await load(one));
  const singles = await load({ ...one, producers: RECEIVERS, singly: true });
  keep(figures, row, m.singles, "50 single producers, server CPU µs", singles);
  const fanOut = await load({ ...one, consumers: RECEIVERS });
  keep(figures, row, m.fanOut, m.fanOutCpu, fanOut);
  // Last: a server runs for weeks, and what was translated is quicker than what is still interpreted.
  const trips = await calm.take(() => measureRoundTrips(peer, sec + 1));
  figures.add(row, m.p50, trips.p50Us);
  figures.add(row, m.p99, trips.p99Us);
}

/** What somebody beside the others costs them. The one without is measured close by. */
async function measureBystanders(figures: Figures, peer: Peer, sec: number): Promise<void> {
  const row = peer.name;
  console.error(`measures ${row}, with somebody beside …`);
  const one = { producers: 1, consumers: 1, singly: false, sec };
  const fan = { ...one, consumers: RECEIVERS };
  const add = async (measure: string, shape: Parameters<typeof measureThroughput>[1]) =>
    figures.add(row, measure, (await calm.take(() => measureThroughput(peer, shape))).perSec);
  await add(MEASURE.plainFanOut, fan);
  await add(MEASURE.spyFanOut, { ...fan, beside: "spy" });
  await add(MEASURE.slowFanOut, { ...fan, beside: "slow consumer" });
  await add(MEASURE.spyOneToOne, { ...one, beside: "spy" });
}

async function measureHub(
  figures: Figures,
  name: string,
  command: readonly string[],
  { sec, only }: Settings,
  memory: Memory,
): Promise<void> {
  const wanted = (row: string) => row.includes(only);
  {
    await using hub = await startHub(name, command, false);
    for (const peer of [hub.plain, hub.websocket]) {
      if (wanted(peer.name)) await measure(figures, peer, sec);
    }
    if (wanted(hub.plain.name)) await measureBystanders(figures, hub.plain, sec);
  }
  {
    await using hub = await startHub(withJournal(name), command, true);
    for (const peer of [hub.plain, hub.websocket]) {
      if (!wanted(peer.name)) continue;
      await measure(figures, peer, sec, memory);
      const trips = await calm.take(() => measureRoundTrips(peer, sec + 1, "spy"));
      figures.add(peer.name, MEASURE.spyP50, trips.p50Us);
      figures.add(peer.name, MEASURE.spyP99, trips.p99Us);
    }
    figures.add(withJournal(name), MEASURE.lost, await hub.metric("abcd_journal_lost_total"));
    figures.add(withJournal(name), MEASURE.pauses, await hub.metric("abcd_pauses_total"));
  }
  if (!wanted(name)) return;
  console.error(`measures ${name}, idle clients and starts …`);
  {
    await using hub = await startHub(name, command, false);
    // Not again: the memory that it took the first time is not given back.
    const { bytes, core } = await measureIdle(hub.plain, IDLE_SEC);
    figures.add(name, MEASURE.idleBytes, bytes);
    figures.add(name, MEASURE.idleCore, core);
  }
  for (let i = 0; i < STARTS; i++) {
    figures.add(name, MEASURE.startMs, await calm.take(() => measureStart(command)));
  }
}

function thousands(n: number): string {
  return n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : `${(n / 1e3).toFixed(0)} k`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length))) ??
    [];
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...rest] = rows;
  return [line(head), `| ${widths.map((n) => "-".repeat(n)).join(" | ")} |`, ...rest.map(line)]
    .join("\n");
}

function rateTable(figures: Figures, rows: readonly string[], runs: number): string {
  const m = MEASURE;
  const spread = (row: string, measure: string) =>
    runs < 2 ? "" : ` ± ${(100 * figures.spread(row, measure)).toFixed(0)} %`;
  const rate = (row: string, measure: string, cpu: string) => {
    const value = figures.median(row, measure);
    if (value === undefined) return "";
    const base = figures.median("mosquitto", measure);
    const times = base === undefined ? "" : `, ${(value / base).toFixed(1)} ×`;
    return `${thousands(value)}${spread(row, measure)} (${
      figures.median(row, cpu)?.toFixed(2)
    } µs${times}; ${sides.get(`${row}/${measure}`)})`;
  };
  const time = (row: string, measure: string) =>
    `${figures.median(row, measure)?.toFixed(0)}${spread(row, measure)}`;
  return table([
    [
      "",
      "one to one, msg/s",
      `${RECEIVERS} single producers, msg/s`,
      `fan-out to ${RECEIVERS}, deliveries/s`,
      "round trip p50 / p99 µs at 1 k/s",
    ],
    ...rows.filter((row) => figures.median(row, m.oneToOne) !== undefined).map((row) => [
      row,
      rate(row, m.oneToOne, m.oneToOneCpu),
      rate(row, m.singles, "50 single producers, server CPU µs"),
      rate(row, m.fanOut, m.fanOutCpu),
      `${time(row, m.p50)} / ${time(row, m.p99)}`,
    ]),
  ]);
}

async function main(settings: Settings): Promise<void> {
  const figures = createFigures();
  const left: string[] = [];
  const versions: { [name: string]: string } = { deno: Deno.version.deno };
  const brokers: (readonly [string, () => Promise<Peer>])[] = [];
  let hasJetStream = false;
  for (
    const [name, flag, start] of [
      ["mosquitto", "-h", startMosquitto],
      ["nats-server", "--version", startNats],
    ] as const
  ) {
    const found = await version(name, flag);
    if (found === undefined) left.push(`${name} is not installed`);
    else {
      versions[name] = found;
      hasJetStream ||= name === "nats-server";
      brokers.push([name, start]);
    }
  }
  const hubs: (readonly [string, readonly string[]])[] = [[HUB, selfCommand()]];
  if (await Deno.stat(BINARY).catch(() => undefined)) hubs.push([COMPILED, [BINARY]]);
  else left.push(`${BINARY} is not there: deno task compile`);

  await using memory = await holdMemory();
  for (let run = 1; run <= settings.runs; run++) {
    if (settings.runs > 1) console.error(`run ${run} of ${settings.runs}`);
    for (const [name, start] of brokers) {
      // They are what the others are compared with, so always measured.
      await using peer = await start();
      await measure(figures, { ...peer, name }, settings.sec);
    }
    if (hasJetStream) {
      await using peer = await startJetStream();
      await measure(figures, peer, settings.sec, memory);
      figures.add(JETSTREAM, MEASURE.lost, await peer.lost());
    }
    for (const [name, command] of hubs) {
      if (
        [name, withJournal(name)].some((one) => `${one}, TCP, WebSocket`.includes(settings.only))
      ) {
        await measureHub(figures, name, command, settings, memory);
      }
    }
  }

  const names = hubs.flatMap(([name]) => [name, withJournal(name)]);
  const rows = [
    ...brokers.map(([name]) => name),
    JETSTREAM,
    ...names.flatMap((name) => [`${name}, TCP`, `${name}, WebSocket`]),
  ];
  console.log(rateTable(figures, rows, settings.runs));
  console.log(
    `\nMedians of ${settings.runs} runs; ± is half of what lies between the least and the greatest. In ` +
      "brackets: the server's CPU time for each delivery, the rate as a multiple of mosquitto's, and " +
      "the side that used more than 0.85 of a core. Round trips: of servers that have worked before.\n",
  );
  for (const [name] of hubs) {
    const alone = figures.median(`${name}, TCP`, MEASURE.spyOneToOne);
    console.log(table([
      [`goals, ${name}`, "wanted", "got", ""],
      ...goalsOf(figures, name, withJournal(name), { isCompiled: name === COMPILED }).map((
        { text, wanted, got, met },
      ) => [
        text,
        wanted,
        got,
        met === undefined ? "?" : met ? "met" : "NOT MET",
      ]),
    ]));
    if (alone !== undefined) {
      console.log(`One to one flat out beside a spy that sees all: ${thousands(alone)}/s.`);
    }
    console.log();
  }
  const busy = medianOf(others);
  console.log(
    `Other programs used ${
      busy.toFixed(2)
    } of ${navigator.hardwareConcurrency} cores meanwhile (median), ${
      Math.max(...others).toFixed(2)
    } at most${
      busy > 0.2
        ? ": rates and round trips say little, CPU time for each delivery is worth more"
        : ""
    }.`,
  );
  const stolen = medianOf(calm.stolen);
  console.log(
    `Other virtual machines took ${stolen.toFixed(2)} of them (median), ${
      Math.max(...calm.stolen).toFixed(2)
    } at most; ${calm.repeated} of ${calm.stolen.length} measurements were made again because of them${
      stolen > 0.1 ? ": these figures say little" : ""
    }.`,
  );
  if (memory.isNeeded) {
    console.log(
      "Free memory is slow to have here, as on many virtual machines: what writes files was measured " +
        "with memory in hand.",
    );
  }
  for (const one of left) console.log(`Left out: ${one}.`);
  const cpu = /model name\s*: (.*)/.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "?";
  const machine = { cpu, cores: navigator.hardwareConcurrency, os: Deno.osRelease() };
  console.log(
    `Machine: ${cpu}, ${machine.cores} cores; ${
      Object.entries(versions).map(([name, one]) => `${name} ${one}`).join(", ")
    }; idle clients: ${IDLE_CLIENTS}.`,
  );
  const { file } = settings;
  await Deno.mkdir(file.slice(0, file.lastIndexOf("/")) || ".", { recursive: true });
  await Deno.writeTextFile(
    file,
    JSON.stringify(
      { at: new Date().toISOString(), machine, versions, left, stolen: calm.stolen, figures },
      null,
      2,
    ) +
      "\n",
  );
  console.log(`Written to ${file}.`);
}

if (import.meta.main) {
  if (Deno.build.os !== "linux") {
    console.error("Cannot measure: CPU time is read from /proc, which is Linux's");
    Deno.exit(1);
  }
  if (Deno.args[0] === "supervise") {
    await (await import("./supervise.ts")).main();
    Deno.exit();
  }
  const usage = "deno task bench [--runs N] [--sec SECONDS] [--only TEXT] [FILE]";
  const args = parseArgs(Deno.args, { string: ["runs", "sec", "only"], boolean: ["help"] });
  if (args.help) {
    console.log(usage);
    Deno.exit();
  }
  const [runs, sec] = [Number(args.runs ?? 1), Number(args.sec ?? 2)];
  const known = ["_", "help", "runs", "sec", "only"];
  const strange = Object.keys(args).find((key) => !known.includes(key));
  if (strange !== undefined || !(Number.isInteger(runs) && runs > 0 && sec > 0)) {
    const why = strange === undefined ? "--runs and --sec are numbers" : `there is no --${strange}`;
    console.error(`Cannot measure: ${why}: ${usage}`);
    Deno.exit(2);
  }
  await main({
    runs,
    sec,
    only: String(args.only ?? ""),
    file: String(args._[0] ?? "dist/bench.json"),
  });
}
