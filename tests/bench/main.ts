// deno task bench [FILE]: how fast the hub is beside mosquitto and nats-server, in one run.
//
// deno task bench supervise: abcd run beside supervisord, see supervise.ts.
//
// Writes a table, and a JSON file (default dist/bench.json). What is not installed is left out.

import { selfCommand } from "../../lib/process/self.ts";
import { measureRoundTrips, measureThroughput, type RoundTrips, type Throughput } from "./load.ts";
import { type Peer, startHub, startMosquitto, startNats, version } from "./peer.ts";

/** Length of each measurement, in seconds, behind a second to warm up. */
const SEC = 2;
const RECEIVERS = 50;
const BINARY = "dist/abcd";

interface Row {
  readonly name: string;
  readonly oneToOne: Throughput;
  readonly singles: Throughput;
  readonly fanOut: Throughput;
  readonly roundTrips: RoundTrips;
}

async function measure(peer: Peer): Promise<Row> {
  console.error(`measures ${peer.name} …`);
  const one = { producers: 1, consumers: 1, singly: false, sec: SEC };
  return {
    name: peer.name,
    roundTrips: await measureRoundTrips(peer, SEC + 1),
    oneToOne: await measureThroughput(peer, one),
    singles: await measureThroughput(peer, { ...one, producers: RECEIVERS, singly: true }),
    fanOut: await measureThroughput(peer, { ...one, consumers: RECEIVERS }),
  };
}

/** Which side could not do more. */
function saturated({ serverCores, loadCores }: Throughput): string {
  const server = serverCores > 0.85, load = loadCores > 0.85;
  return server && load ? "both" : server ? "server" : load ? "load" : "neither";
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

function cell(given: Throughput, base: Throughput | undefined): string {
  const ratio = base === undefined ? "" : `, ${(given.perSec / base.perSec).toFixed(1)} ×`;
  return `${thousands(given.perSec)} (${given.cpuUs.toFixed(2)} µs${ratio}; ${saturated(given)})`;
}

async function main(file: string): Promise<void> {
  const rows: Row[] = [];
  const left: string[] = [];
  const brokers = [
    ["mosquitto", "-h", startMosquitto],
    ["nats-server", "--version", startNats],
  ] as const;
  const versions: { [name: string]: string } = { deno: Deno.version.deno };
  for (const [name, flag, start] of brokers) {
    const found = await version(name, flag);
    if (found === undefined) {
      left.push(`${name} is not installed`);
      continue;
    }
    versions[name] = found;
    await using peer = await start();
    rows.push(await measure(peer));
  }
  const hubs: (readonly [string, readonly string[], boolean])[] = [
    ["abcd", selfCommand(), false],
    ["abcd with journal", selfCommand(), true],
  ];
  if (await Deno.stat(BINARY).catch(() => undefined)) {
    hubs.push(["abcd compiled", [BINARY], false]);
  } else left.push(`${BINARY} is not there: deno task compile`);
  for (const [name, command, journal] of hubs) {
    await using hub = await startHub(name, command, journal);
    rows.push(await measure(hub.plain), await measure(hub.websocket));
  }

  const base = rows.find(({ name }) => name === "mosquitto");
  console.log(table([
    [
      "",
      "one to one, msg/s",
      `${RECEIVERS} single producers, msg/s`,
      `fan-out to ${RECEIVERS}, deliveries/s`,
      "round trip p50 / p99 µs at 1 k/s",
    ],
    ...rows.map(({ name, oneToOne, singles, fanOut, roundTrips }) => [
      name,
      cell(oneToOne, base?.oneToOne),
      cell(singles, base?.singles),
      cell(fanOut, base?.fanOut),
      `${roundTrips.p50Us.toFixed(0)} / ${roundTrips.p99Us.toFixed(0)}`,
    ]),
  ]));
  console.log(
    "\nIn brackets: the server's CPU time for each delivery, the rate as a multiple of " +
      "mosquitto's, and the side that used more than 0.85 of a core.",
  );
  for (const one of left) console.log(`Left out: ${one}.`);
  const cpu = /model name\s*: (.*)/.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "?";
  const machine = { cpu, cores: navigator.hardwareConcurrency, os: Deno.osRelease() };
  console.log(
    `Machine: ${cpu}, ${machine.cores} cores; ${
      Object.entries(versions).map(([name, one]) => `${name} ${one}`).join(", ")
    }.`,
  );
  await Deno.mkdir(file.slice(0, file.lastIndexOf("/")) || ".", { recursive: true });
  await Deno.writeTextFile(
    file,
    JSON.stringify({ at: new Date().toISOString(), machine, versions, left, rows }, null, 2) + "\n",
  );
  console.log(`Written to ${file}.`);
}

if (Deno.build.os !== "linux") {
  console.error("Cannot measure: CPU time is read from /proc, which is Linux's");
  Deno.exit(1);
}
if (import.meta.main) {
  if (Deno.args[0] === "supervise") await (await import("./supervise.ts")).main();
  else await main(Deno.args[0] ?? "dist/bench.json");
}
