// What is measured of a hub by itself: idle clients, and how long it takes to start.

import { freeTcpPort, until, within } from "../harness.ts";
import { LoadClient, processorSec } from "./load.ts";
import type { Peer } from "./peer.ts";

/** Clients that join and then only answer pings. */
export const IDLE_CLIENTS = 5000;
/** How many join at the same time. */
const AT_ONCE = 100;
const PATIENCE_MS = 30_000;

/** Memory of a process that is in the computer's, in bytes (Linux). */
function residentBytes(pid: number): number {
  const match = /^VmRSS:\s*(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`));
  return Number(match?.[1] ?? NaN) * 1024;
}

/** What idle clients cost. */
export interface IdleCost {
  /** Of the hub's memory, each. */
  readonly bytes: number;
  /** Part of a core that the hub uses with all of them. */
  readonly core: number;
}

/**
 * Joins thousands of clients, which answer each ping; `sec` is a whole round of pings. It is measured from
 * the second round on: the first ping comes a round after the join, which takes a while for all of them.
 */
export async function measureIdle(peer: Peer, sec: number): Promise<IdleCost> {
  using all = new DisposableStack();
  const pong = peer.dialect.pong;
  if (pong === undefined) throw new TypeError(`${peer.name} has no pings of its own`);
  const before = residentBytes(peer.pid);
  for (let i = 0; i < IDLE_CLIENTS; i += AT_ONCE) {
    const some = await Promise.all(
      Array.from(
        { length: AT_ONCE },
        (_, k) => LoadClient.connect(peer.dialect, `idle${i + k}`, [], 4096),
      ),
    );
    for (const one of some) {
      all.use(one);
      one.onData = () => void one.conn.write(pong).catch(() => {}); // it may be closed
    }
  }
  const round = () => new Promise((resolve) => setTimeout(resolve, sec * 1000));
  await round();
  const cpu = processorSec(peer.pid), begin = performance.now();
  await round();
  const spent = (performance.now() - begin) / 1000;
  return {
    core: (processorSec(peer.pid) - cpu) / spent,
    bytes: (residentBytes(peer.pid) - before) / IDLE_CLIENTS,
  };
}

/** From the start of the program to the first connection that it accepts, in milliseconds. */
export async function measureStart(command: readonly string[]): Promise<number> {
  const [program = "", ...args] = command;
  const port = freeTcpPort();
  const folder = await Deno.makeTempDir({ prefix: "abcd-bench-" });
  const begin = performance.now();
  const child = new Deno.Command(program, {
    args: [
      ...args,
      "server",
      "--bind=127.0.0.1",
      "--beacon-interval=0",
      "--log-level=error",
      `--http-port=${freeTcpPort()}`,
      `--tcp-port=${port}`,
    ],
    env: { XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    return await until(async () => {
      for (let i = 0; i < 1000; i++) {
        try {
          (await Deno.connect({ hostname: "127.0.0.1", port })).close();
          return performance.now() - begin;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
    }, "the hub does not listen");
  } finally {
    child.kill("SIGTERM");
    await within(child.status, PATIENCE_MS, "the hub does not end");
    await Deno.remove(folder, { recursive: true });
  }
}
