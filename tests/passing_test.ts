// What the hub passes on lies in memory that several share, and that is used again: every receiver gets
// every byte that was sent to it, in order, whoever reads slowly meanwhile.

import { assertEquals } from "@std/assert";
import { type Random, seeded } from "../lib/sim/random.ts";
import { temporaryFolder, TestHub, until } from "./harness.ts";
import { writeAll } from "./raw_client.ts";

const MESSAGES = 6000;
/** The longest are longer than one write of the hub. */
const LONGEST = 300_000;
const RECEIVERS = ["tcp1", "tcp2", "web1", "web2", "spy"];

/** A message as it is sent: to one, to everybody, or on a topic that all but the spy subscribe to. */
interface Sent {
  readonly n: number;
  readonly way: { readonly to?: string; readonly topic?: string };
  readonly fill: string;
}

function someMessages(random: Random): Sent[] {
  const pick = (count: number) => Math.floor(random() * count);
  let way: Sent["way"] = { topic: "all" };
  return Array.from({ length: MESSAGES }, (_, n) => {
    // Mostly some behind the other go the same way.
    if (random() < 0.2) {
      way = [{ topic: "all" }, { to: "*" }, { to: RECEIVERS[pick(4)] ?? "" }][pick(3)] ?? way;
    }
    const chance = random();
    const length = chance < 0.9 ? pick(200) : chance < 0.98 ? pick(5000) : pick(LONGEST);
    return { n, way, fill: String.fromCharCode(97 + n % 26).repeat(length) };
  });
}

function isFor(name: string, { way }: Sent): boolean {
  return name === "spy" || way.topic !== undefined || way.to === "*" || way.to === name;
}

/** Takes lines; keeps the numbers of the messages that are as they were sent. */
class Check {
  readonly numbers: number[] = [];
  readonly wrong: string[] = [];
  readonly #sent: readonly Sent[];

  constructor(sent: readonly Sent[]) {
    this.#sent = sent;
  }

  take(line: string): void {
    try {
      const { cmd, n, fill, to, topic } = JSON.parse(line);
      if (cmd !== "m") return;
      const sent = this.#sent[n];
      if (fill === sent?.fill && to === sent?.way.to && topic === sent?.way.topic) {
        return void this.numbers.push(n);
      }
    } catch {
      // it is wrong
    }
    this.wrong.push(line.slice(0, 200));
  }
}

function hello(name: string): string[] {
  const asked = name === "spy" ? { cmd: "_spy", on: true } : { cmd: "_subscribe", topics: ["all"] };
  return [{ cmd: "_init", name, info: {} }, asked].map((message) => JSON.stringify(message));
}

/** Reads in small portions, and nothing until `begin`: much waits in the hub then. */
async function readTcp(
  hub: TestHub,
  name: string,
  check: Check,
  begin: Promise<void>,
): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: hub.tcpPort });
  await writeAll(conn, hello(name).join("\n"));
  const decoder = new TextDecoder();
  (async () => {
    const buffer = new Uint8Array(32 * 1024);
    let rest = "";
    await begin;
    for (let count; (count = await conn.read(buffer).catch(() => null)) !== null;) {
      const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split(
        "\n",
      );
      rest = lines.pop() ?? "";
      for (const line of lines) check.take(line);
    }
  })();
  return conn;
}

async function readWeb(hub: TestHub, name: string, check: Check): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${hub.address}/ws`);
  socket.onmessage = ({ data }) => check.take(data);
  const open = Promise.withResolvers<void>();
  socket.onopen = () => open.resolve();
  socket.onerror = () => open.reject(new Error(`${name} cannot connect`));
  await open.promise;
  for (const message of hello(name)) socket.send(message);
  return socket;
}

async function passAll(args: readonly string[], seed: number): Promise<void> {
  await using hub = await TestHub.start(["--queue=100000000", ...args]);
  const random = seeded(seed);
  const sent = someMessages(random);
  const checks = new Map(RECEIVERS.map((name) => [name, new Check(sent)]));
  const mostIsSent = Promise.withResolvers<void>();
  const ends: (() => void)[] = [];
  try {
    for (const [name, check] of checks) {
      const it = name.startsWith("tcp")
        ? await readTcp(hub, name, check, name === "tcp1" ? mostIsSent.promise : Promise.resolve())
        : await readWeb(hub, name, check);
      ends.push(() => it.close());
    }
    const names = () => fetch(`http://${hub.address}/clients`).then((answer) => answer.json());
    await until(
      async () => (await names()).length === RECEIVERS.length || undefined,
      "not all joined",
    );
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: hub.tcpPort });
    ends.push(() => conn.close());
    let text = '{"cmd":"_init","name":"sender","info":{}}\n';
    for (const { n, way, fill } of sent) {
      text += JSON.stringify({ cmd: "m", n, ...way, fill }) + "\n";
      if (random() < 0.02 || n === MESSAGES - 1) {
        await writeAll(conn, text);
        text = "";
      }
      if (n > 0.8 * MESSAGES) mostIsSent.resolve();
    }
    for (const [name, { numbers, wrong }] of checks) {
      const expected = sent.filter((one) => isFor(name, one)).map(({ n }) => n);
      const came = () => numbers.length + wrong.length >= expected.length || undefined;
      const seen = () => `${name}: ${numbers.length} of ${expected.length}, wrong: ${wrong[0]}`;
      await until(came, seen);
      assertEquals(wrong, [], name);
      assertEquals(numbers, expected, name);
    }
  } finally {
    for (const end of ends) end();
  }
}

Deno.test("passing: all receivers get every byte in order, without a journal", async () => {
  await passAll(["--no-journal"], 1);
});

Deno.test("passing: all receivers get every byte in order, from what the journal has kept", async () => {
  await using folder = await temporaryFolder();
  await passAll([`--journal=${folder.path}`], 2);
});
