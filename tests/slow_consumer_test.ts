// Two clients that stop reading while 100,000 messages a second go to everybody: what the hub holds
// for them is bounded, they are told and closed, and the others get all of it, in time.

import { assert, assertMatch } from "@std/assert";
import { LoadClient } from "./bench/load.ts";
import { type Dialect, tcpDialect, webSocketDialect } from "./bench/peer.ts";
import { after, PATIENCE_MS, TestHub, until, within } from "./harness.ts";
import { namesAt, peakMemory, writeAll } from "./raw_client.ts";

const MB = 1e6;
const QUEUE_BYTES = 8 * MB;
const PER_SEC = 100_000;
const TICK_MS = 10;
const SEC = 3;

/** Joins, subscribes to everything that is sent, and then reads nothing. */
async function deaf(dialect: Dialect, name: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: dialect.port });
  await writeAll(conn, dialect.hello(name, ["all"]));
  return conn;
}

/** All that still comes, until the end. */
async function rest(conn: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder("latin1");
  const buffer = new Uint8Array(1 << 20);
  let tail = "";
  try {
    for (let count; (count = await conn.read(buffer)) !== null;) {
      tail = (tail + decoder.decode(buffer.subarray(0, count))).slice(-2000);
    }
  } catch {
    // a reset
  }
  return tail;
}

/**
 * Sends 100,000 small messages a second, in steps, or fewer if this computer has no time for more: the
 * reader must never be the slow one.
 */
async function produce(
  client: LoadClient,
  message: Uint8Array,
  got: () => number,
): Promise<number> {
  const count = PER_SEC * TICK_MS / 1000;
  const batch = new Uint8Array(count * message.length);
  for (let i = 0; i < count; i++) batch.set(message, i * message.length);
  let sent = 0;
  while (sent < PER_SEC * SEC) {
    const begin = performance.now();
    await writeAll(client.conn, batch);
    sent += count;
    do await after(Math.max(1, begin + TICK_MS - performance.now())); while (
      sent - got() > PER_SEC / 5
    );
  }
  return sent;
}

Deno.test({
  name:
    "clients that stop reading at 100,000 messages a second are told and closed, others get all",
  // Memory is looked at in /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using hub = await TestHub.start([`--queue=${QUEUE_BYTES}`]);
    const tcp = tcpDialect(hub.tcpPort), ws = webSocketDialect(hub.httpPort);
    using all = new DisposableStack();
    const producer = all.use(await LoadClient.connect(tcp, "producer"));
    const reader = all.use(await LoadClient.connect(tcp, "reader", ["all"]));
    const prober = all.use(await LoadClient.connect(ws, "prober"));
    const message = tcp.message("all", "m");
    // Each message that the reader gets ends with a newline, and has none in it.
    let got = 0;
    reader.onData = (bytes) => {
      for (let i = bytes.indexOf(10); i >= 0; i = bytes.indexOf(10, i + 1)) got++;
    };
    const before = peakMemory(hub.process.pid);
    const deafOnTcp = all.use(await deaf(tcp, "deaf-tcp"));
    const deafOnWs = all.use(await deaf(ws, "deaf-ws"));

    await until(async () => (await namesAt(hub.httpPort))?.length === 5, "they are not in");

    let over = false;
    const begun = performance.now();
    const producing = produce(producer, message, () => got).finally(() => over = true);
    // If something else fails first, that is what is to be said.
    producing.catch(() => {});
    let most = 0;
    const looking = (async () => {
      while (!over) {
        const text = await (await fetch(`http://${hub.address}/metrics`)).text();
        most = Math.max(most, Number(/^abcd_queued_bytes_max (\d+)$/m.exec(text)?.[1]));
        await after(50);
      }
    })();
    const times: number[] = [];
    const probing = (async () => {
      const probe = ws.message("prober", "p");
      while (!over) {
        const begin = performance.now();
        const came = Promise.withResolvers<void>();
        prober.onData = () => came.resolve();
        await writeAll(prober.conn, probe);
        await within(came.promise, PATIENCE_MS, "a probe did not come back");
        times.push(performance.now() - begin);
        await after(2);
      }
    })();
    const words = [deafOnTcp, deafOnWs].map(async (conn, i) => {
      await hub.process.saw(new RegExp(`Closed deaf-${i === 0 ? "tcp" : "ws"}: it does not read`));
      return await rest(conn);
    });
    const said = await within(
      Promise.all(words),
      PATIENCE_MS,
      () => `they are not closed, ${got} messages, ${most} bytes waited:\n${hub.process.stderr}`,
    );
    for (const tail of said) assertMatch(tail, /"code":"slow-consumer","text":"Closed: you do not/);

    const sent = await producing;
    const sec = (performance.now() - begun) / 1000;
    await Promise.all([looking, probing]);
    await until(() => got >= sent, () => `${got} of ${sent} messages came to who reads`);
    assert(got < sent + 10, `${got} messages came of ${sent}`);
    times.sort((a, b) => a - b);
    const p99 = times[Math.floor(times.length * 0.99)] ?? NaN;
    assert(times.length > 50 && p99 < 1000, `${times.length} probes, p99 ${p99} ms`);
    assert(most <= QUEUE_BYTES + 300_000, `${most} bytes waited for one client`);
    const grown = peakMemory(hub.process.pid) - before;
    assert(grown < 120 * MB, `the hub needed ${grown / MB} MB more`);
    // ABCD_FIGURES=1: what it was, for people.
    if (Deno.env.get("ABCD_FIGURES") === "1") {
      const p50 = times[times.length >> 1];
      console.log({ p50, p99, most, grownMB: grown / MB, perSec: sent / sec });
    }
  },
});
