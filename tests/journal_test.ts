// The journal from outside: a killed writer, a killed hub, a full disk; history and replay.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../lib/client.ts";
import { spySince } from "../lib/client/backlog.ts";
import { createJournal } from "../lib/journal/journal.ts";
import { openJournalFolder } from "../lib/journal/folder.ts";
import {
  abcd,
  after,
  PATIENCE_MS,
  runAbcd,
  Running,
  temporaryFolder,
  TestHub,
  until,
  within,
} from "./harness.ts";

async function numbersIn(folder: string): Promise<number[]> {
  const numbers: number[] = [];
  const journal = await openJournalFolder(folder);
  for await (const { record } of journal.read({})) numbers.push(Number(record.message.i));
  return numbers;
}

Deno.test("journal: a writer killed at random moments loses nothing that was safe", async () => {
  await using folder = await temporaryFolder();
  // A generator of its own: the same moments at each run, as far as the machine is the same.
  let seed = 20261124;
  const random = () => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
  let safe = 0;
  for (let round = 0; round < 5; round++) {
    await using writer = new Running([
      Deno.execPath(),
      "run",
      "-A",
      "--quiet",
      "--unstable-net",
      `--import-map=${new URL("../.import_map.json", import.meta.url).pathname}`,
      new URL("./journal_writer.ts", import.meta.url).pathname,
      folder.path,
    ]);
    await writer.saw(/\d+\n/);
    const lines = 1 + Math.floor(random() * 30);
    await until(() => writer.stdout.split("\n").length > lines, `${lines} groups`);
    writer.signal("SIGKILL");
    await writer.end();
    const before = safe;
    safe = Number(writer.stdout.trim().split("\n").at(-1));
    assert(safe > before, `${safe} is not behind ${before}`);
    await using journal = await createJournal({ folder: folder.path });
    assert(journal.seq >= safe, `${journal.seq} in the journal, ${safe} were safe`);
    safe = journal.seq;
    const numbers: unknown[] = [];
    for await (const { record } of journal.read({})) numbers.push(record.message.i);
    assertEquals(numbers, Array.from({ length: safe }, (_, i) => i + 1));
  }
});

Deno.test("journal: a killed hub's messages are there for history, from the hub and from files", async () => {
  await using folder = await temporaryFolder();
  const journal = `--journal=${folder.path}`;
  {
    await using hub = await TestHub.start([journal]);
    for (const [cmd, value] of [["monit", 1], ["monit", 2.5], ["other", 3]]) {
      const { code, stderr } = await runAbcd([
        ...["send", `cmd=${cmd}`, "topic=hv/state", `value:=${value}`],
        ...["--as=hv", ...hub.clientArgs],
      ]);
      assertEquals(code, 0, stderr);
    }
    await until(async () => {
      const text = await runAbcd(["history", "--json", "--cmd=other", `--folder=${folder.path}`]);
      return text.stdout.includes('"value":3');
    }, "the group is written");
    hub.process.signal("SIGKILL");
    await hub.process.end();
  }
  await using hub = await TestHub.start([journal]);
  const asked = ["history", "--since=1h", "--from=hv", "--cmd=monit", "--topic=hv/#"];
  for (const where of [hub.clientArgs, [`--folder=${folder.path}`]]) {
    const json = await runAbcd([...asked, "--json", ...where]);
    assertEquals(json.code, 0, json.stderr);
    const values = json.stdout.trim().split("\n").map((line) => JSON.parse(line).value);
    assertEquals(values, [1, 2.5]);
    const csv = await runAbcd([...asked, "--csv", "--count=1", ...where]);
    const [head, row] = csv.stdout.trim().split("\n");
    assertMatch(head ?? "", /^seq,at,from,to,topic,cmd,.*value,.*more$/);
    assertMatch(row ?? "", /^\d+,[\d.]+,hv,,hv\/state,monit,/);
  }
  const old = await runAbcd([...asked, "--until=59m", "--json", ...hub.clientArgs]);
  assertEquals([old.code, old.stdout], [0, ""]);
  // It tells how the moments were read.
  assertMatch(
    old.stderr,
    /^No such message in \S.* from .* on up to \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/,
  );
});

Deno.test("journal: a folder that Deno keeps for who may do everything is refused in words that help", async () => {
  const folder = "/dev/null/journal";
  await using hub = await TestHub.start([`--journal=${folder}`]);
  const health = await (await fetch(`http://${hub.address}/health`)).json();
  const { stderr } = await runAbcd(["history", `--folder=${folder}`]);
  // Compiled by Deno 2.4 it may try, and finds that this is no folder.
  const why = /as nothing can that is under \/dev.*; name another place|Not a directory|exists/;
  for (const text of [health.journal.stopped, stderr]) {
    assertMatch(text, why);
    assertEquals(text.includes("--allow-all"), false, text);
  }
});

Deno.test("journal: replay sends a stretch again, under the senders' names", async () => {
  await using folder = await temporaryFolder();
  {
    await using journal = await createJournal({ folder: folder.path });
    for (let i = 0; i < 50; i++) {
      const message = { cmd: "monit", from: i % 2 === 0 ? "hv" : "ccd", topic: "all/night", i };
      journal.append(JSON.stringify(message), message);
    }
    const hubs = { cmd: "joined", from: "_hub", topic: "_hub/joined" };
    journal.append(JSON.stringify(hubs), hubs);
  }
  await using hub = await TestHub.start(["--no-journal"]);
  const spy = ["spy", "--json", "--only=topic=all/night", "--count=50", ...hub.clientArgs];
  await using seen = abcd(spy);
  await seen.saw(/joined/);
  const replay = await runAbcd([
    ...["replay", `--folder=${folder.path}`, "--speed=0", ...hub.clientArgs],
  ]);
  assertEquals(replay.code, 0, replay.stderr);
  assertMatch(replay.stderr, /50 messages sent/);
  await seen.end();
  const messages = seen.stdout.trim().split("\n").map((line) => JSON.parse(line));
  for (const [name, parity] of [["hv", 0], ["ccd", 1]] as const) {
    assertEquals(
      messages.filter(({ from }) => from === name).map(({ i }) => i),
      Array.from({ length: 25 }, (_, k) => 2 * k + parity),
    );
  }
});

Deno.test("journal: replay tells no program again what to do, and changes no last value, unless --all is said", async () => {
  await using folder = await temporaryFolder();
  {
    await using journal = await createJournal({ folder: folder.path });
    for (
      const message of [
        { cmd: "set", from: "shifter", to: "hv", voltage: 1500 },
        { cmd: "run", from: "daq", topic: "run/current", run: 16, retain: true },
        { cmd: "stop", from: "shifter", to: "*" },
      ]
    ) journal.append(JSON.stringify(message), message);
  }
  await using hub = await TestHub.start(["--no-journal"]);
  await using hv = await connect({ name: "hv", server: hub.address });
  const heard: unknown[] = [];
  for (const cmd of ["set", "stop"]) hv.on(cmd, () => void heard.push(cmd));
  hv.subscribe("run/current", () => void heard.push("run"));
  await hv.flush();
  const lastValues = async () => (await hv.request({ cmd: "_stats" })).lastValues;
  const replay = (...more: string[]) =>
    runAbcd(["replay", `--folder=${folder.path}`, "--speed=0", ...more, ...hub.clientArgs]);

  const usual = await replay();
  assertEquals(usual.code, 0, usual.stderr);
  assertMatch(usual.stderr, /1 messages sent\n2 to single programs are left out/);
  await until(() => heard.length > 0, "what was published");
  assertEquals(heard.splice(0), ["run"]);
  assertEquals(await lastValues(), { topics: 0, bytes: 0 });

  assertEquals((await replay("--to=hv", "--cmd=set")).code, 0);
  await until(() => heard.length > 0, "what was asked for");
  assertEquals(heard.splice(0), ["set"]);

  assertMatch((await replay("--all")).stderr, /3 messages sent\n$/);
  await until(() => heard.length > 2, "all of it");
  assertEquals(heard.toSorted(), ["run", "set", "stop"]);
  assertMatch(JSON.stringify(await lastValues()), /"topics":1/);
});

Deno.test("journal: spy --since shows each message once, the kept and the live", async () => {
  await using folder = await temporaryFolder();
  await using hub = await TestHub.start([`--journal=${folder.path}`]);
  await using client = await connect({ name: "source", server: hub.address });
  let sent = 0;
  const send = (upTo: number) => {
    while (sent < upTo) client.send({ cmd: "count", topic: "all/count", i: sent++ });
    return client.flush();
  };
  await send(3000);
  await using spy = abcd(["spy", "--json", "--since=10m", "--only=cmd=count", ...hub.clientArgs]);
  const lines = () => spy.stdout.split("\n").slice(0, -1);
  // It comes while messages go through: some of them from the journal, some live.
  await until(async () => {
    await send(sent + 100);
    return lines().length > 5000;
  }, "backlog and live messages");
  await until(() => lines().length >= sent, "all of them");
  const numbers = lines().map((line) => JSON.parse(line).i);
  assertEquals(numbers, Array.from({ length: sent }, (_, i) => i));
});

Deno.test("journal: spy --since goes on with its backlog when the hub is back, no gap and no double", async () => {
  await using folder = await temporaryFolder();
  const start = (...ports: string[]) => TestHub.start([`--journal=${folder.path}`, ...ports]);
  let hub = await start();
  const { address, httpPort, tcpPort } = hub;
  await using client = await connect({ name: "source", server: address });
  let sent = 0;
  const send = async (more: number) => {
    for (const upTo = sent + more; sent < upTo;) {
      client.send({ cmd: "count", topic: "all/count", i: sent++ });
    }
    await client.flush();
  };
  /** The hub is killed, and another one begins; in between things are said of which the spy hears nothing. */
  const restart = async () => {
    hub.process.signal("SIGKILL");
    await hub.process.end();
    {
      await using journal = await createJournal({ folder: folder.path });
      for (const upTo = sent + 100; sent < upTo;) {
        const message = { cmd: "count", from: "source", topic: "all/count", i: sent++ };
        journal.append(JSON.stringify(message), message);
      }
    }
    hub = await start(`--http-port=${httpPort}`, `--tcp-port=${tcpPort}`);
  };
  await send(2500);
  const numbers: unknown[] = [];
  try {
    await using spy = await connect({ name: "spy", server: address });
    let restarting: Promise<void> | undefined;
    await within(
      spySince(spy, 0, { cmd: ["count"] }, async ({ i }) => {
        const count = numbers.push(i);
        if (count === 1000) {
          // The next page is asked for, and never comes.
          hub.process.signal("SIGSTOP");
          restarting = after(20).then(restart);
        }
        // Behind the last of most of it; in what was said while that was read.
        if (count === 2600 || count === 2650) await restart();
      }),
      PATIENCE_MS,
      () => `no end of the backlog after ${numbers.length} messages`,
    );
    await restarting;
    await send(100);
    await until(() => numbers.length >= sent, () => `${numbers.length} of ${sent}`);
    assertEquals(numbers, Array.from({ length: sent }, (_, i) => i));
    assertEquals(sent, 2900);
  } finally {
    await hub[Symbol.asyncDispose]();
  }
});

Deno.test("journal: files that somebody removes are no false receipt; it goes on in new ones", async () => {
  await using folder = await temporaryFolder();
  const journal = `${folder.path}/journal`;
  await using hub = await TestHub.start([`--journal=${journal}`]);
  await using sender = await connect({ name: "sender", server: hub.address });
  await using _box = await connect({ name: "box", durable: true, server: hub.address });
  const health = async () => (await fetch(`http://${hub.address}/health`)).json();
  const deliver = (i: number) => sender.deliver({ cmd: "count", to: "box", i });
  await deliver(1);
  await Deno.rename(journal, `${folder.path}/moved`);
  await assertRejects(() => deliver(2), Error, "not on the disk: Cannot write the");
  await hub.process.saw(/Cannot write the journal in .*: somebody has removed or moved /);
  await until(async () => (await health()).ok, "it goes on");
  await deliver(3);
  const numbers = await numbersIn(journal);
  assert(numbers.includes(3) && !numbers.includes(1), `${numbers}`);
  assert((await health()).journal.lost > 0);
  assertMatch(await Deno.readTextFile(`${journal}/ledger.ndjson`), /"of":"box"/);
});

/** Whether a small file system can be made here: root alone may. */
async function mountSmall(folder: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

Deno.test("journal: a full disk stops it, and it goes on when there is room", async () => {
  await using folder = await temporaryFolder();
  if (!await mountSmall(folder.path)) return;
  try {
    const alarms: string[] = [];
    await using journal = await createJournal({
      folder: folder.path,
      retryMs: 20,
      bufferBytes: 100_000,
      onAlarm: (state) => alarms.push(state),
    });
    await Deno.writeFile(`${folder.path}/other`, new Uint8Array(200_000));
    const text = "x".repeat(1000);
    const keep = (i: number) => {
      const message = { cmd: "x", from: "a", i, text };
      journal.append(JSON.stringify(message), message);
    };
    let kept = 0;
    await until(async () => {
      keep(kept++);
      await journal.synced().catch(() => {});
      return alarms.length > 0;
    }, "the disk is full");
    assertEquals(alarms, ["stopped"]);
    assertMatch(journal.stats().stopped ?? "", /Cannot write the journal/);
    await Deno.remove(`${folder.path}/other`);
    await until(() => alarms.length > 1, "it goes on");
    assertEquals(alarms, ["stopped", "resumed"]);
    keep(kept++);
    await journal.synced();
    assertEquals(journal.stats().lost, 0);
    assertEquals(await numbersIn(folder.path), Array.from({ length: kept }, (_, i) => i));
    assertEquals(journal.stats().stopped, undefined);
  } finally {
    await new Deno.Command("umount", { args: [folder.path] }).output();
  }
});
