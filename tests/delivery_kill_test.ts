// kill -9 of the hub under load: what was acknowledged is in the journal and reaches its durable
// receiver, each message once and in its sender's order.
//
// A few kills here; as many as ABCD_KILLS says, at ABCD_KILL_RATE messages a second:
// ABCD_KILLS=100 ABCD_KILL_RATE=20000 deno task test tests/delivery_kill_test.ts

import { assert, assertEquals } from "@std/assert";
import { openJournalFolder } from "../lib/journal/folder.ts";
import { listProcesses, treeOf } from "../lib/process/proc_fs.ts";
import { seeded } from "../lib/sim/random.ts";
import {
  abcd,
  after,
  freeTcpPort,
  freeUdpPort,
  Running,
  temporaryFolder,
  until,
} from "./harness.ts";
import { isRunning, pidIn } from "./raw_client.ts";

const KILLS = Number(Deno.env.get("ABCD_KILLS") ?? 4);
const RATE = Number(Deno.env.get("ABCD_KILL_RATE") ?? 4000);
const SEED = Number(Deno.env.get("ABCD_KILL_SEED") ?? 20261124);
const SENDERS = ["one", "two"];
/** Everything here looks at processes in /proc. */
const ignore = Deno.build.os !== "linux";

interface Seen {
  readonly [sender: string]: {
    readonly count: number;
    readonly last: number;
    readonly wrong: readonly string[];
  };
}

function program(file: string, ...args: string[]): Running {
  return new Running([
    ...[Deno.execPath(), "run", "-A", "--quiet", "--unstable-net"],
    `--import-map=${new URL("../.import_map.json", import.meta.url).pathname}`,
    new URL(file, import.meta.url).pathname,
    ...args,
  ], { stdin: "piped" });
}

/** The last whole line that a program has written. */
function lastLine(running: Running): Record<string, unknown> {
  const lines = running.stdout.split("\n");
  return JSON.parse(lines.at(-2) ?? "{}");
}

/** The hub with its watchdog, killed in either way and back each time on the same ports. */
function startHub(folder: string) {
  const pidFile = `${folder}/hub.pid`;
  const [http, tcp] = [freeTcpPort(), freeTcpPort()];
  const start = () =>
    abcd([
      ...["server", "--name=h", "--bind=127.0.0.1", "--beacon-interval=0", "--log-level=error"],
      ...[`--http-port=${http}`, `--tcp-port=${tcp}`, `--beacon-port=${freeUdpPort()}`],
      ...[`--pid-file=${pidFile}`, `--journal=${folder}/journal`, "--journal-size=10000M"],
      ...["--mailbox-messages=1000000", "--mailbox-bytes=200000000"],
    ]);
  let process = start();
  const child = () => {
    const pid = pidIn(pidFile);
    return pid !== undefined && pid !== process.pid && isRunning(pid) ? pid : undefined;
  };
  const kill = (pid: number | undefined) => {
    if (pid === undefined) return;
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // it has ended just now
    }
  };
  return {
    address: `127.0.0.1:${http}`,
    /** Kills the child, the watchdog brings it back. */
    killChild: () => kill(child()),
    /** Kills both, as a power cut does: also a child that has only just begun. */
    async killBoth() {
      process.signal("SIGSTOP");
      const all = treeOf(process.pid, listProcesses()).map(({ pid }) => pid);
      for (const pid of all) kill(pid);
      await process.end();
      await until(() => !all.some(isRunning), "their end");
      process = start();
    },
    async [Symbol.asyncDispose]() {
      const last = child();
      await process[Symbol.asyncDispose]();
      await until(() => last === undefined || !isRunning(last), "the hub's end");
    },
  };
}

Deno.test({
  name: `delivery: ${KILLS} times kill -9 of the hub at ${RATE} messages a second, seed ${SEED}`,
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const random = seeded(SEED);
    const begun = performance.now();
    let both = 0;
    const results: { name: string; sent: number; safe: number; refused: { i: number }[] }[] = [];
    let seen: Seen = {};
    {
      await using hub = startHub(folder.path);
      await using sink = program("./delivery_receiver.ts", hub.address, "sink");
      // Its mailbox is there from the first time on that it has joined.
      await sink.saw(/seen/);
      await using senders = new AsyncDisposableStack();
      const all = SENDERS.map((name) => {
        const rate = String(RATE / SENDERS.length);
        return senders.use(program("./delivery_sender.ts", hub.address, name, "sink", rate));
      });
      const safe = () => all.map((one) => Number(lastLine(one).safe ?? 0));
      /** Messages go through again: each sender has more receipts than before. */
      const flows = async (before: readonly number[]) => {
        const said = () => `no receipts since ${before}: ${all.map(({ stderr }) => stderr)}`;
        await until(() => safe().every((count, i) => count > (before[i] ?? 0)), said);
      };
      await flows([]);
      for (let i = 0; i < KILLS; i++) {
        // Most are killed under load; some while they start, or while the programs come back.
        if (random() < 0.8) await flows(safe());
        await after(random() * 1000);
        if (random() < 0.5) hub.killChild();
        else {
          both++;
          await hub.killBoth();
        }
      }
      for (const one of all) await one.endInput();
      for (const [i, one] of all.entries()) {
        const patience = 120_000;
        const said = () => `not all are safe: ${one.stdout.slice(-300)} ${one.stderr}`;
        await until(() => lastLine(one).over, said, patience);
        results.push({ name: SENDERS[i] ?? "", ...lastLine(one) } as typeof results[number]);
      }
      await until(
        () => {
          seen = lastLine(sink).seen as Seen;
          return results.every(({ name, safe }) => (seen[name]?.count ?? 0) >= safe);
        },
        () => `not all came: ${JSON.stringify([results, seen])}`,
        60_000,
      );
      await sink.endInput();
      await until(() => lastLine(sink).over, "the receiver's end");
      seen = lastLine(sink).seen as Seen;
    }
    const kept = new Map(results.map(({ name, sent }) => [name, new Uint8Array(sent)]));
    const journal = await openJournalFolder(`${folder.path}/journal`);
    for await (const { record: { message } } of journal.read({ cmd: ["count"] })) {
      const counts = kept.get(message.from ?? "");
      if (counts !== undefined) counts[Number(message.i)] = 1;
    }
    for (const { name, sent, safe, refused } of results) {
      const excused = new Set(refused.map(({ i }) => i));
      assertEquals(refused, [], `${name} was refused`);
      assertEquals(safe + refused.length, sent);
      assertEquals(seen[name]?.wrong, [], `${name}: twice or out of order`);
      assertEquals(seen[name]?.count, sent - excused.size, `${name}: what came`);
      const missing = [...kept.get(name) ?? []].flatMap((count, i) =>
        count === 0 && !excused.has(i) ? [i] : []
      );
      assertEquals(missing, [], `${name}: what is not in the journal`);
      assert(safe > KILLS * 100, `only ${safe}`);
    }
    if (KILLS > 10) {
      const total = results.reduce((sum, { sent }) => sum + sent, 0);
      const sec = (performance.now() - begun) / 1000;
      console.log(
        `${KILLS} kills, ${both} of them of both; ${total} messages in ${sec.toFixed(0)} s, ` +
          `${Math.round(total / sec)} a second on average, all safe, in order, once`,
      );
    }
  },
});
