// The load: bare sockets, bytes made beforehand, so that as little as possible is spent on this side.

import { writeAll } from "../raw_client.ts";
import { within } from "../harness.ts";
import { ALL, type Dialect, type Peer } from "./peer.ts";

/**
 * How much is on its way at most: enough to keep a server busy (with 1 MiB the hub sleeps for a third
 * of the time), not so much that it drops, or that its processor's cache is too small.
 */
const WINDOW_BYTES = 1536 * 1024;
/** The same for all receivers of a fan-out together. */
const FAN_OUT_BYTES = 8 * 1024 * 1024;
/** Bytes of messages that are written at once by a producer that does not send singly. */
const BATCH_BYTES = 64 * 1024;
const WARM_UP_MS = 1000;
const PATIENCE_MS = 30_000;

/** What one server did under one load. */
export interface Throughput {
  /** Deliveries in a second. */
  readonly perSec: number;
  /** The server's CPU time for each delivery, in microseconds. */
  readonly cpuUs: number;
  /** Parts of one core that the server and this side used. */
  readonly serverCores: number;
  readonly loadCores: number;
  /** What all other programs of this computer used meanwhile: with much of it, rates say little. */
  readonly otherCores: number;
}

/** Round trips, in microseconds. */
export interface RoundTrips {
  readonly p50Us: number;
  readonly p99Us: number;
  /** How many in a second there were in fact. */
  readonly perSec: number;
}

/** CPU time that a process has used, in seconds (Linux). */
export function processorSec(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const [utime = 0, stime = 0] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13)
    .map(Number);
  return (utime + stime) / 100;
}

/** CPU time that all programs together have used, in seconds (Linux). */
function allProcessorSec(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] =
    (/^cpu +(.*)$/m.exec(Deno.readTextFileSync("/proc/stat"))?.[1] ?? "").split(" ").map(Number);
  return (user + nice + system + irq + softIrq) / 100;
}

/** A connection that has said its hello; it counts what comes. */
export class LoadClient implements Disposable {
  readonly conn: Deno.TcpConn;
  received = 0;
  /** Told of each read. */
  onData: (bytes: Uint8Array) => void = () => {};
  error: unknown;
  /** Rests so long behind each read, to play one that is too slow. */
  pauseMs = 0;
  #closed = false;

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
    conn.setNoDelay(true);
  }

  /** @param readBytes Most that is read at once. */
  static async connect(
    dialect: Dialect,
    name: string,
    topics: readonly string[] = [],
    readBytes = 256 * 1024,
  ): Promise<LoadClient> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: dialect.port });
    const client = new LoadClient(conn);
    const decoder = new TextDecoder("latin1");
    const ready = Promise.withResolvers<void>();
    const wanted = new TextDecoder("latin1").decode(
      Uint8Array.from(dialect.ready, (c) => c.charCodeAt(0)),
    );
    let seen = "";
    client.onData = (bytes) => {
      seen += decoder.decode(bytes);
      if (seen.includes(wanted)) ready.resolve();
    };
    void client.#read(readBytes);
    await writeAll(conn, dialect.hello(name, topics));
    await within(ready.promise, PATIENCE_MS, () => `no welcome for ${name}: ${seen}`);
    client.onData = () => {};
    return client;
  }

  async #read(readBytes: number): Promise<void> {
    const buffer = new Uint8Array(readBytes);
    try {
      for (let count; (count = await this.conn.read(buffer)) !== null;) {
        this.received += count;
        this.onData(buffer.subarray(0, count));
        if (this.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.pauseMs));
      }
      if (!this.#closed) this.error = new Error("the server closed the connection");
    } catch (error) {
      if (!this.#closed) this.error = error;
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.conn.close();
  }
}

/** Somebody beside the others: one who sees all, or one who subscribes to all and reads too slowly. */
export type Bystander = "spy" | "slow consumer";

/** Comes again whenever it is closed, until `over`. */
async function standBy(peer: Peer, who: Bystander, over: AbortSignal): Promise<void> {
  for (let i = 0; !over.aborted; i++) {
    const topics = who === "spy" ? [] : [ALL];
    using client = await LoadClient.connect(peer.dialect, `bystander${i}`, topics, 32 * 1024);
    if (who === "spy") await writeAll(client.conn, peer.dialect.spy ?? new Uint8Array());
    else client.pauseMs = 20; // 1.6 MB/s at most
    while (!over.aborted && client.error === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The bytes that one message has when it comes out: the most of a few, as times differ in length. */
async function deliveredBytes(from: LoadClient, to: LoadClient, message: Uint8Array) {
  let most = 0;
  for (let i = 0; i < 5; i++) {
    const before = to.received;
    const came = Promise.withResolvers<void>();
    to.onData = () => came.resolve();
    await writeAll(from.conn, message);
    await within(came.promise, PATIENCE_MS, "a message did not come");
    most = Math.max(most, to.received - before);
  }
  to.onData = () => {};
  return most;
}

function repeated(message: Uint8Array, bytes: number): Uint8Array {
  const count = Math.max(1, Math.floor(bytes / message.length));
  const all = new Uint8Array(count * message.length);
  for (let i = 0; i < count; i++) all.set(message, i * message.length);
  return all;
}

/**
 * As many messages as go through.
 *
 * @param shape How many send, each in batches or one message a write, and how many receive each.
 */
export async function measureThroughput(
  peer: Peer,
  shape: {
    producers: number;
    consumers: number;
    singly: boolean;
    sec: number;
    beside?: Bystander;
  },
): Promise<Throughput> {
  const { dialect } = peer;
  using all = new DisposableStack();
  const consumers: LoadClient[] = [], producers: LoadClient[] = [];
  const isFanOut = shape.consumers > 1;
  for (let i = 0; i < shape.consumers; i++) {
    consumers.push(all.use(await LoadClient.connect(dialect, `c${i}`, isFanOut ? [ALL] : [])));
  }
  for (let i = 0; i < shape.producers; i++) {
    producers.push(all.use(await LoadClient.connect(dialect, `p${i}`)));
  }
  const message = dialect.message(isFanOut ? ALL : "c0", "m");
  const [producer] = producers, [consumer] = consumers;
  if (producer === undefined || consumer === undefined) throw new RangeError("nobody to measure");
  const size = await deliveredBytes(producer, consumer, message);
  const onTheWay = isFanOut ? FAN_OUT_BYTES / shape.consumers : WINDOW_BYTES;
  const window = Math.max(2, Math.floor(onTheWay / size));
  const batch = shape.singly
    ? message
    : repeated(message, Math.min(BATCH_BYTES, window / 4 * size));
  const inBatch = batch.length / message.length;

  let sent = 0, over = false;
  const begun = consumers.map((one) => one.received);
  const waiting: (() => void)[] = [];
  /** Messages that all have received. */
  const delivered = () => {
    let least = Infinity;
    for (const [i, one] of consumers.entries()) {
      least = Math.min(least, one.received - (begun[i] ?? 0));
    }
    return least / size;
  };
  for (const one of consumers) {
    one.onData = () => {
      if (waiting.length > 0 && sent - delivered() < window * 0.75) {
        for (const go of waiting.splice(0)) go();
      }
    };
  }
  async function produce(one: LoadClient): Promise<void> {
    while (!over) {
      if (sent - delivered() + inBatch > window) {
        await new Promise<void>((resolve) => waiting.push(resolve));
        continue;
      }
      sent += inBatch;
      await writeAll(one.conn, batch);
    }
  }
  const ending = new AbortController();
  const besides = shape.beside === undefined
    ? Promise.resolve()
    : standBy(peer, shape.beside, ending.signal);
  const producing = producers.map(produce);
  const total = () => consumers.reduce((sum, one) => sum + one.received, 0);
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const before = {
    at: performance.now(),
    bytes: total(),
    cpu: processorSec(peer.pid),
    own: processorSec(Deno.pid),
    all: allProcessorSec(),
  };
  await new Promise((resolve) => setTimeout(resolve, shape.sec * 1000));
  const sec = (performance.now() - before.at) / 1000;
  const count = (total() - before.bytes) / size;
  const busy = allProcessorSec() - before.all;
  const cpu = processorSec(peer.pid) - before.cpu, own = processorSec(Deno.pid) - before.own;
  over = true;
  ending.abort();
  for (const go of waiting.splice(0)) go();
  await Promise.allSettled(producing);
  await besides;
  const failed = [...consumers, ...producers].find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new Error(`Cannot measure ${peer.name}: ${failed.error}`);
  if (count === 0) throw new Error(`Cannot measure ${peer.name}: nothing came`);
  return {
    perSec: count / sec,
    cpuUs: cpu / count * 1e6,
    serverCores: cpu / sec,
    loadCores: own / sec,
    otherCores: Math.max(0, busy - cpu - own) / sec,
  };
}

/** Messages of a client to itself, one each millisecond. */
export async function measureRoundTrips(
  peer: Peer,
  sec: number,
  beside?: Bystander,
): Promise<RoundTrips> {
  const ending = new AbortController();
  const besides = beside === undefined ? Promise.resolve() : standBy(peer, beside, ending.signal);
  try {
    return await roundTrips(peer, sec);
  } finally {
    ending.abort();
    await besides;
  }
}

async function roundTrips(peer: Peer, sec: number): Promise<RoundTrips> {
  using client = await LoadClient.connect(peer.dialect, "self");
  const message = peer.dialect.message("self", "m");
  const size = await deliveredBytes(client, client, message);
  const times: number[] = [], begun: number[] = [];
  const first = client.received;
  client.onData = () => {
    const now = performance.now();
    // Times differ in length by a character or two; a whole message is far more.
    while (times.length < Math.round((client.received - first) / (size - 0.1))) {
      const begin = begun[times.length];
      if (begin === undefined) break;
      times.push(now - begin);
    }
  };
  const begin = performance.now();
  for (let i = 0; i < sec * 1000; i++) {
    const wait = begin + i - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    begun.push(performance.now());
    await writeAll(client.conn, message);
  }
  const spent = (performance.now() - begin) / 1000;
  // What the first messages cost is that of a cold program.
  const sorted = times.slice(Math.floor(times.length / 5)).sort((a, b) => a - b);
  if (sorted.length === 0) throw new Error(`Cannot measure ${peer.name}: nothing came back`);
  const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? NaN) * 1000;
  return { p50Us: at(0.5), p99Us: at(0.99), perSec: begun.length / spent };
}
