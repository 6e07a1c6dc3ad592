// Delivery from outside: receipts, mail and last values through crashes of hub, sender and receiver.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, createClient, RefusedError } from "../lib/client.ts";
import type { Message } from "../lib/message.ts";
import {
  abcd,
  after,
  freeTcpPort,
  runAbcd,
  temporaryFolder,
  TestHub,
  until,
  within,
} from "./harness.ts";
import { RawClient } from "./raw_client.ts";

/** A hub that comes back on its ports after it was killed. */
async function lastingHub(journal: string) {
  const http = freeTcpPort(), tcp = freeTcpPort();
  const start = () =>
    TestHub.start([
      ...["--name=h", `--journal=${journal}`],
      ...[`--http-port=${http}`, `--tcp-port=${tcp}`],
    ]);
  let hub = await start();
  return {
    address: `127.0.0.1:${http}`,
    tcp,
    get hub() {
      return hub;
    },
    async kill() {
      hub.process.signal("SIGKILL");
      await hub.process.end();
    },
    async start() {
      hub = await start();
    },
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
    },
  };
}

Deno.test("delivery: mail waits through kill -9 of the hub, and is handled once, in order", async () => {
  await using folder = await temporaryFolder();
  await using lasting = await lastingHub(folder.path);
  const { address } = lasting;
  await using sender = await connect({ name: "sender", server: address });
  const seen: unknown[] = [];
  {
    await using hv = await connect({ name: "hv", server: address, durable: true });
    hv.on("set", ({ i }) => void seen.push(i));
    assertEquals(await sender.deliver({ cmd: "set", to: "hv", i: 0 }), {
      receivers: 1,
      mailbox: true,
    });
    await until(() => seen.length === 1, "the first");
  }
  const isAway = async () => (await sender.clients()).every(({ name }) => name !== "hv");
  await until(isAway, "hv has left, and the hub does not see it");
  const receipts = await Promise.all(
    [1, 2, 3].map((i) => sender.deliver({ cmd: "set", to: "hv", i })),
  );
  assertEquals(receipts[2], { receivers: 0, mailbox: true });
  await lasting.kill();
  // Sent while there is no hub: it goes out again when there is one.
  const late = sender.deliver({ cmd: "set", to: "hv", i: 4 });
  await lasting.start();
  assertEquals((await within(late, 30_000, "no receipt")).mailbox, true);
  await using hv = createClient({ name: "hv", server: address, durable: true });
  hv.on("set", ({ i }) => void seen.push(i));
  await until(() => seen.length >= 5, () => `only ${seen}`);
  await hv.flush();
  assertEquals(seen, [0, 1, 2, 3, 4]);
});

Deno.test("delivery: mail that waits comes to handlers that are set once connect() has resolved", async () => {
  await using hub = await TestHub.start();
  await using sender = await connect({ name: "sender", server: hub.address });
  const options = { name: "hv", server: hub.address, durable: true };
  await (await connect(options)).close();
  for (let round = 0; round < 20; round++) {
    await sender.deliver({ cmd: "set", to: "hv", round });
    await using hv = await connect(options);
    const got = new Promise((resolve) => void hv.on("set", (message) => resolve(message.round)));
    assertEquals(await within(got, 20_000, `mail ${round} is lost`), round);
  }
});

Deno.test("delivery: what a program had not handled when it was killed comes again", async () => {
  await using folder = await temporaryFolder();
  await using lasting = await lastingHub(folder.path);
  await using sender = await connect({ name: "sender", server: lasting.address });
  using before = await RawClient.connect(lasting.tcp);
  await before.say({ cmd: "_init", name: "hv", durable: true, info: {} });
  await before.saw(/_welcome/);
  for (let i = 0; i < 3; i++) await sender.deliver({ cmd: "set", to: "hv", i });
  const [, first] = await before.saw(/"i":0.*?"_mail":(\d+)/);
  await before.say({ cmd: "_got", _mail: Number(first) });
  await before.say({ cmd: "_ping", id: "heard" });
  await before.saw(/"re":"heard"/);
  before[Symbol.dispose]();
  using after = await RawClient.connect(lasting.tcp);
  await after.say({ cmd: "_init", name: "hv", durable: true, info: {} });
  await after.saw(/"i":2/);
  assertMatch(after.text, /"waiting":2.*"i":1.*"i":2/s);
  assertEquals(after.text.includes('"i":0'), false);
});

Deno.test("delivery: a last value is there after kill -9, until it is forgotten", async () => {
  await using folder = await temporaryFolder();
  await using lasting = await lastingHub(folder.path);
  const { address } = lasting;
  const args = ["--server", address];
  const sent = await runAbcd([
    ...["send", "--ack", "topic=run/state", "cmd=state", "run:=7", "retain:=true", ...args],
  ]);
  assertEquals([sent.code, sent.stderr], [0, ""]);
  await lasting.kill();
  await lasting.start();
  await using client = await connect({ name: "late", server: address });
  const seen: Message[] = [];
  client.subscribe("run/+", (message) => void seen.push(message));
  await until(() => seen.length === 1, "the last value");
  assertEquals([seen[0]?.run, seen[0]?.retained], [7, true]);
  // Another handler of the same subscription gets it, too.
  const again: unknown[] = [];
  client.subscribe("run/+", ({ run }) => void again.push(run));
  await until(() => again.length === 1, "the last value again");
  assertEquals((await client.request({ cmd: "_forget", topics: ["run/#"] })).forgotten, 1);
  await using later = await connect({ name: "later", server: address });
  later.subscribe("run/+", (message) => void seen.push(message));
  await later.flush();
  assertEquals(seen.length, 2);
});

Deno.test("delivery: never a false receipt: no journal; a receiver that is not there", async () => {
  await using hub = await TestHub.start(["--no-journal"]);
  await using a = await connect({ name: "a", server: hub.address });
  await using b = await connect({ name: "b", server: hub.address });
  const seen: unknown[] = [];
  b.on("x", ({ i }) => void seen.push(i));
  const error = await assertRejects(() => a.deliver({ cmd: "x", to: "b", i: 1 }), RefusedError);
  assertEquals(error.code, "not-safe");
  await until(() => seen.length === 1, "it was handed over all the same");
  const nobody = await assertRejects(() => a.deliver({ cmd: "x", to: "c" }), RefusedError);
  assertEquals(nobody.code, "unknown-client");
  const send = await runAbcd(["send", "--ack", "to=b", "cmd=x", "i:=2", ...hub.clientArgs]);
  assertEquals(send.code, 1);
  assertMatch(send.stderr, /Cannot say that it is safe: .*keeps no journal/);
});

Deno.test("delivery: abcd send --ack says what waits for a client that is away", async () => {
  await using hub = await TestHub.start(["--mailbox-messages=2"]);
  await (await connect({ name: "hv", server: hub.address, durable: true })).close();
  const send = () => runAbcd(["send", "--ack", "to=hv", "cmd=x", ...hub.clientArgs]);
  const first = await send();
  assertEquals(first.code, 0);
  assertMatch(first.stderr, /waits for "hv", which is away/);
  await send();
  const full = await send();
  assertEquals(full.code, 1);
  assertMatch(full.stderr, /"hv" is away, and 2 messages wait for it already/);
  const boxes = await runAbcd(["send", "cmd=_mailboxes", "--wait=5", ...hub.clientArgs]);
  const [box] = JSON.parse(boxes.stdout).mailboxes;
  assertEquals([box.name, box.here, box.waiting], ["hv", false, 2]);
});

Deno.test("delivery: send - --ack: a flood of large messages, and a hub that is away for longer than --timeout", async () => {
  await using folder = await temporaryFolder();
  await using lasting = await lastingHub(folder.path);
  const seen: unknown[] = [];
  await using hv = await connect({ name: "hv", server: lasting.address, durable: true });
  hv.on("x", ({ i }) => void seen.push(i));
  await using send = abcd(
    ["send", "-", "--ack", "--timeout=2", `--server=${lasting.address}`],
    { stdin: "piped" },
  );
  const line = (i: number, pad = "") => JSON.stringify({ to: "hv", cmd: "x", i, pad }) + "\n";
  // More than a client holds without receipts.
  const flood = Array.from({ length: 300 }, (_, i) => line(i, "x".repeat(20_000)));
  await send.type(flood.join(""));
  await until(() => seen.length === 300, () => `${seen.length} have come: ${send.stderr}`);
  await lasting.kill();
  await until(() => !hv.joined, "the hub is gone");
  for (const i of [300, 301]) await send.type(line(i));
  await after(2500);
  await lasting.start();
  await until(() => seen.length === 302, () => `${seen.length} have come: ${send.stderr}`);
  await send.endInput();
  assertEquals((await send.end()).code, 0, send.stderr);
  // Of those that it got while the receiver was not back yet.
  assertMatch(send.stderr, /^(It waits for "hv", which is away\n)?$/);
  assertEquals(seen, seen.map((_, i) => i));
});

Deno.test("delivery: send - --ack whose hub does not come back says of how many messages nobody knows", async () => {
  await using folder = await temporaryFolder();
  await using lasting = await lastingHub(folder.path);
  await using hv = await connect({ name: "hv", server: lasting.address, durable: true });
  await using send = abcd(
    ["send", "-", "--ack", "--timeout=2", `--server=${lasting.address}`],
    { stdin: "piped" },
  );
  await send.type(`{"to":"hv","cmd":"x"}\n`);
  await until(async () => (await hv.clients()).some(({ name }) => name === "send"), "it is there");
  await lasting.kill();
  await until(() => !hv.joined, "the hub is gone");
  await send.type(`{"to":"hv","cmd":"x"}\n`.repeat(2));
  await send.endInput();
  assertEquals((await send.end()).code, 1);
  assertMatch(
    send.stderr,
    /^abcd send: Cannot say whether the last \d messages are safe: the hub has been away for 2 s\n$/,
  );
});

Deno.test("delivery: handlers that take their time are waited for before mail is confirmed", async () => {
  await using hub = await TestHub.start();
  await using sender = await connect({ name: "sender", server: hub.address });
  const waiting = async () => {
    const answer = await sender.request({ cmd: "_mailboxes" });
    return (answer.mailboxes as unknown as { waiting: number }[])[0]?.waiting;
  };
  const release = Promise.withResolvers<void>();
  {
    await using hv = await connect({ name: "hv", server: hub.address, durable: true });
    let begun = 0;
    hv.on("set", async () => {
      begun++;
      await release.promise;
    });
    for (let i = 0; i < 3; i++) await sender.deliver({ cmd: "set", to: "hv", i });
    await until(() => begun === 3, "the handlers");
    await hv.flush();
    assertEquals(await waiting(), 3);
    release.resolve();
    await until(async () => await waiting() === 0, "the confirmation");
  }
  assert(hub.process.stderr.length > 0);
});

Deno.test("delivery: a question that nobody waits for any more is not asked of who was away", async () => {
  await using hub = await TestHub.start();
  await using a = await connect({ name: "a", server: hub.address });
  await (await connect({ name: "hv", server: hub.address, durable: true })).close();
  const late = await assertRejects(
    () => a.request({ cmd: "set", to: "hv" }, { timeoutSec: 0.1 }),
    DOMException,
  );
  assertMatch(late.message, /no.* in 0.1 s/);
  await a.deliver({ cmd: "log", to: "hv" });
  await until(async () => (await a.request({ cmd: "_stats" })).undelivered === 1, "it expires");
  const seen: string[] = [];
  await using hv = createClient({ name: "hv", server: hub.address, durable: true });
  hv.on("*", ({ cmd }) => void seen.push(cmd));
  await until(() => seen.includes("log"), "the mail");
  assertEquals(seen.includes("set"), false);
});

/** Whether a small file system can be made here: root alone may. */
async function mountSmall(folder: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("mount", {
      args: ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

Deno.test("delivery: on a full disk nothing is safe, and nothing stops; then all goes on", async () => {
  await using folder = await temporaryFolder();
  if (!await mountSmall(folder.path)) return;
  try {
    await using hub = await TestHub.start([`--journal=${folder.path}`]);
    await using sender = await connect({ name: "sender", server: hub.address });
    const alarms: string[] = [];
    sender.subscribe("_hub/alarm", ({ source, state }) => void alarms.push(`${source} ${state}`));
    const seen: unknown[] = [];
    await using hv = await connect({ name: "hv", server: hub.address, durable: true });
    hv.on("x", ({ i }) => void seen.push(i));
    await sender.deliver({ cmd: "x", to: "hv", i: 0 });
    await Deno.writeFile(`${folder.path}/other`, new Uint8Array(480_000)).catch(() => {});
    const text = "x".repeat(10_000);
    let sent = 1;
    const refusals: RefusedError[] = [];
    // The ledger may find room for some time, as it is written anew without what is done with.
    await until(async () => {
      try {
        await sender.deliver({ cmd: "x", to: "hv", i: sent++, text });
      } catch (error) {
        if (error instanceof RefusedError) refusals.push(error);
      }
      return alarms.includes("journal stopped");
    }, () => `alarms ${alarms}`);
    assertEquals(new Set(refusals.map(({ code }) => code)), new Set(["not-safe"]));
    assertMatch(refusals.at(-1)?.message ?? "", /Cannot write the (journal|ledger)/);
    const stats = await sender.request({ cmd: "_stats" });
    assertMatch(JSON.stringify(stats.journal), /"stopped":"Cannot write the journal/);
    // The hub goes on all the same, and what it said is not safe it has handed over.
    await until(() => seen.length === sent, () => `${seen} of ${sent}`);
    await Deno.remove(`${folder.path}/other`);
    await until(async () => {
      const { journal, ledger } = await sender.request({ cmd: "_stats" });
      return !/stopped/.test(JSON.stringify([journal, ledger]));
    }, "it goes on");
    assertEquals((await sender.deliver({ cmd: "x", to: "hv", i: sent++ })).mailbox, true);
    assert(alarms.includes("journal resumed"), `${alarms}`);
    await until(() => seen.length === sent, () => `${seen} of ${sent}`);
    assertEquals(seen, [...Array(sent).keys()]);
  } finally {
    await new Deno.Command("umount", { args: ["-l", folder.path] }).output();
  }
});
