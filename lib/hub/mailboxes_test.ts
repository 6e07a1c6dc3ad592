import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Json, Message } from "../message.ts";
import type { MemoryConnection } from "../transport/memory.ts";
import { factOf, hubInMemory, MemoryJournal, MemoryLedger } from "../../tests/hub_lab.ts";

/** The messages that are mail, and confirms the last of them. */
function mail(client: MemoryConnection, confirm = true): Message[] {
  const found = client.heard().filter(({ _mail }) => _mail !== undefined);
  const last = found.at(-1);
  if (confirm && last !== undefined) client.say({ cmd: "_got", _mail: last._mail ?? 0 });
  return found;
}

function values(messages: readonly Message[]): unknown[] {
  return messages.map(({ i }) => i);
}

function fill(sender: MemoryConnection, from: number, to: number): void {
  for (let i = from; i < to; i++) sender.say({ cmd: "x", to: "hv", i, id: `${i}` });
}

Deno.test("mail: waits for a durable client that is away, and comes in order", () => {
  const { come, join } = hubInMemory();
  const a = join("a"), hv = join("hv", { durable: true });
  fill(a, 0, 3);
  assertEquals(values(mail(hv)), [0, 1, 2]);
  hv.close("gone");
  fill(a, 3, 6);
  assertEquals(a.heard(), []);
  const again = come("hv", { durable: true });
  fill(a, 6, 7);
  const all = mail(again);
  assertEquals(values(all), [3, 4, 5, 6]);
  assert(all.every(({ from, to, time }) => from === "a" && to === "hv" && time === 1000));
});

Deno.test("mail: what was not confirmed comes again, with the same numbers", () => {
  const { come, join } = hubInMemory();
  const a = join("a"), hv = join("hv", { durable: true });
  fill(a, 0, 5);
  const first = mail(hv, false);
  hv.say({ cmd: "_got", _mail: first[1]?._mail ?? 0 });
  hv.close("gone");
  const again = mail(come("hv", { durable: true }));
  assertEquals(again, first.slice(2));
});

Deno.test("mail: the welcome tells what waits, and whether it outlives the hub", () => {
  const { join, connect } = hubInMemory({ newId: () => "mine" });
  const a = join("a");
  join("hv", { durable: true }).close("gone");
  fill(a, 0, 4);
  const hv = connect();
  hv.say({ cmd: "_init", name: "hv", durable: true });
  const [welcome] = hv.heard();
  assertEquals(welcome?.mailbox, { id: "mine", waiting: 4, kept: false });
  const plain = connect();
  plain.say({ cmd: "_init", name: "plain" });
  assertEquals(plain.heard()[0]?.mailbox, undefined);
});

Deno.test("mail: who takes the name without being durable neither gets nor ends it", () => {
  const { come, join } = hubInMemory();
  const a = join("a");
  join("hv", { durable: true }).close("gone");
  fill(a, 0, 2);
  const other = join("hv");
  fill(a, 2, 3);
  assertEquals(other.heard().map(({ i, _mail }) => [i, _mail]), [[2, undefined]]);
  other.say({ cmd: "_got", _mail: 1e15 });
  other.close("gone");
  assertEquals(values(mail(come("hv", { durable: true }))), [0, 1]);
});

Deno.test("mail: a restart of the hub loses none, and gives no number twice", () => {
  const ledger = new MemoryLedger();
  const before = hubInMemory({ ledger });
  const a = before.join("a"), hv = before.join("hv", { durable: true });
  fill(a, 0, 3);
  const first = mail(hv, false);
  hv.say({ cmd: "_got", _mail: first[0]?._mail ?? 0 });
  // The last line was not on the disk when the hub was killed.
  fill(a, 3, 4);
  const [unsafe] = mail(hv, false);
  ledger.lines.pop();
  for (const lines of [ledger.lines, ledger.snapshot().slice(0, -1)]) {
    const { come, join } = hubInMemory({ ledger: new MemoryLedger(lines) });
    const sender = join("a");
    fill(sender, 10, 11);
    const again = mail(come("hv", { durable: true }));
    assertEquals(values(again), [1, 2, 10]);
    assertEquals(again.slice(0, 2), first.slice(1));
    assert(Number(again[2]?._mail) > Number(unsafe?._mail));
  }
});

Deno.test("mail: the ledger written anew holds the same", () => {
  const ledger = new MemoryLedger();
  const { join, hub } = hubInMemory({ ledger });
  const a = join("a");
  join("hv", { durable: true }).close("gone");
  const other = join("daq", { durable: true });
  fill(a, 0, 20);
  a.say({ cmd: "y", to: "daq" });
  mail(other);
  const anew = new MemoryLedger(ledger.snapshot());
  assertEquals(anew.lines.length, 1 + 2 + 20);
  const next = hubInMemory({ ledger: anew });
  assertEquals(next.hub.stats().mailboxes, hub.stats().mailboxes);
  assertEquals(values(mail(next.come("hv", { durable: true }))), [...Array(20).keys()]);
});

Deno.test("mail: a full mailbox refuses, says why, and takes again when there is room", () => {
  for (
    const [options, room] of [[{ mailboxMessages: 3 }, 3], [{ mailboxBytes: 200 }, 3]] as const
  ) {
    const { come, join, hub } = hubInMemory(options);
    const a = join("a");
    join("hv", { durable: true }).close("gone");
    fill(a, 0, room + 2);
    const refused = a.heard();
    assertEquals(refused.map(({ code, re }) => [code, re]), [
      ["mailbox-full", `${room}`],
      ["mailbox-full", `${room + 1}`],
    ]);
    assertMatch(String(refused[0]?.text), /"hv" is away, and \d+ (messages|bytes) wait/);
    const hv = come("hv", { durable: true });
    assertEquals(values(mail(hv)), [...Array(room).keys()]);
    fill(a, 10, 11);
    assertEquals([values(mail(hv)), a.heard()], [[10], []]);
    assertEquals(factOf(hub, "mailboxes", "waiting"), 0);
  }
});

Deno.test("mail: what expires is not delivered, and its sender is told", () => {
  const { come, join, pass, hub } = hubInMemory({ mailboxAgeSec: 20 });
  const a = join("a");
  join("hv", { durable: true }).close("gone");
  a.say({ cmd: "x", to: "hv", i: 0, id: "short", expires: 5 });
  a.say({ cmd: "x", to: "hv", i: 1, id: "long", expires: 1e6 });
  a.say({ cmd: "x", to: "hv", i: 2, expires: 5 });
  pass(6, [a]);
  const told = a.heard().filter(({ cmd }) => cmd === "_error");
  assertEquals(told.map(({ code, re }) => [code, re]), [["undelivered", "short"]]);
  assertEquals(hub.stats().undelivered, 2);
  pass(15, [a]);
  assertEquals(a.heard().filter(({ cmd }) => cmd === "_error").map(({ re }) => re), ["long"]);
  assertEquals(mail(come("hv", { durable: true })), []);
});

Deno.test("mail: an empty mailbox for which nobody comes is closed; then its name is unknown", () => {
  const { join, pass, hub } = hubInMemory({ mailboxAgeSec: 20 });
  const a = join("a");
  join("hv", { durable: true }).close("gone");
  pass(19, [a]);
  assertEquals(factOf(hub, "mailboxes", "names"), 1);
  pass(1, [a]);
  assertEquals(factOf(hub, "mailboxes", "names"), 0);
  a.heard();
  fill(a, 0, 1);
  assertEquals(a.heard()[0]?.code, "unknown-client");
});

Deno.test("mail: no number is given twice, though the hub ended before anything was on the disk", () => {
  const lines = new MemoryLedger();
  hubInMemory({ ledger: lines }).join("hv", { durable: true });
  let last = 0;
  for (let i = 0; i < 3; i++) {
    // Each begins with what was there before all of them.
    const clock = () => 1.8e12 + 200 * i;
    const { come, join } = hubInMemory({ ledger: new MemoryLedger(lines.lines), clock });
    const a = join("a");
    fill(a, 0, 5);
    const numbers = mail(come("hv", { durable: true })).map(({ _mail }) => Number(_mail));
    assertEquals(numbers.length, 5);
    assert(numbers.every((n) => n > last && Number.isSafeInteger(n)), `${numbers} behind ${last}`);
    last = Math.max(...numbers);
  }
  // A clock that has gone mad does not use up the numbers.
  const { come, join } = hubInMemory({ ledger: lines, clock: () => 1e17 });
  fill(join("a"), 0, 2);
  assertEquals(values(mail(come("hv", { durable: true }))), [0, 1]);
});

Deno.test("mail: an owner that was here for long has its mailbox after a restart of the hub, too", () => {
  const ledger = new MemoryLedger();
  const before = hubInMemory({ ledger, mailboxAgeSec: 100 });
  const owner = before.join("hv", { durable: true });
  before.pass(200, [owner]);
  const clock = () => before.time.now + 5000;
  const { hub, come, join } = hubInMemory({ ledger, mailboxAgeSec: 100, clock });
  hub.tick(clock());
  const a = join("a");
  fill(a, 0, 1);
  assertEquals(a.heard(), []);
  assertEquals(values(mail(come("hv", { durable: true }))), [0]);
});

Deno.test("mail: of what was too old nobody is told again after a restart of the hub", () => {
  const ledger = new MemoryLedger();
  const before = hubInMemory({ ledger });
  const a = before.join("a");
  before.join("hv", { durable: true }).close("gone");
  fill(a, 0, 1);
  a.say({ cmd: "x", to: "hv", i: 1, id: "short", expires: 5 });
  fill(a, 2, 3);
  before.pass(6, [a]);
  const clock = () => before.time.now + 5000;
  for (const lines of [ledger.lines, ledger.snapshot()]) {
    const { hub, come, join } = hubInMemory({ ledger: new MemoryLedger(lines), clock });
    const sender = join("a");
    assertEquals(factOf(hub, "mailboxes", "waiting"), 2);
    hub.tick(clock());
    assertEquals([sender.heard(), hub.stats().undelivered], [[], 0]);
    assertEquals(values(mail(come("hv", { durable: true }))), [0, 2]);
    assertEquals(factOf(hub, "mailboxes", "bytes"), 0);
  }
});

Deno.test("mail: a message that is sent again for want of a receipt waits once, in its place", () => {
  const ledger = new MemoryLedger();
  const before = hubInMemory({ ledger });
  const a = before.join("a");
  before.join("hv", { durable: true }).close("gone");
  const send = (sender: MemoryConnection, from: number, to: number) => {
    for (let i = from; i < to; i++) {
      sender.say({ cmd: "x", to: "hv", i, id: `${i}`, time: i, ack: true });
    }
  };
  send(a, 0, 3);
  const { come, join } = hubInMemory({ ledger });
  const sender = join("a"), other = join("b");
  send(sender, 1, 5);
  send(other, 1, 2);
  const hv = come("hv", { durable: true });
  assertEquals(values(mail(hv)), [0, 1, 2, 3, 4, 1]);
  // What has been confirmed is not remembered: it comes again, and the receiver has to know it.
  send(sender, 4, 5);
  assertEquals(values(mail(hv)), [4]);
});

Deno.test("mail: an operator sees the mailboxes, and closes one", () => {
  const ledger = new MemoryLedger();
  const { join, time } = hubInMemory({ ledger });
  const a = join("a");
  join("hv", { durable: true }).close("gone");
  const daq = join("daq", { durable: true });
  fill(a, 0, 2);
  time.now += 5000;
  a.say({ cmd: "_mailboxes", id: "q" });
  const [answer] = a.heard();
  const boxes = answer?.mailboxes as { [field: string]: Json }[];
  for (const box of boxes) delete box.bytes;
  assertEquals(boxes, [
    { name: "hv", here: false, lastHere: 1000, waiting: 2 },
    { name: "daq", here: true, lastHere: 1005, waiting: 0 },
  ]);
  for (const name of ["daq", "nobody"]) a.say({ cmd: "_close_mailbox", name, id: name });
  assertEquals(a.heard().map(({ code, re }) => [code, re]), [
    ["denied", "daq"],
    ["unknown-client", "nobody"],
  ]);
  a.say({ cmd: "_close_mailbox", name: "hv", id: "c" });
  const told = a.heard();
  assertEquals(told.map(({ cmd, re }) => [cmd, re]), [
    ["_error", "0"],
    ["_error", "1"],
    ["_ok", "c"],
  ]);
  assertEquals(told[2]?.dropped, 2);
  assertEquals(factOf(hubInMemory({ ledger }).hub, "mailboxes", "names"), 1);
  assertEquals(daq.ended, undefined);
});

Deno.test("mail: a client that spies gets its own mail once", () => {
  const { join } = hubInMemory();
  const a = join("a"), hv = join("hv", { durable: true });
  hv.say({ cmd: "_spy", on: true, only: { cmd: ["x"] } });
  hv.heard();
  fill(a, 0, 2);
  assertEquals(hv.heard().map(({ i }) => i), [0, 1]);
});

Deno.test("mail: a sender's own number is not taken for the hub's", () => {
  const { join } = hubInMemory();
  const a = join("a"), hv = join("hv", { durable: true });
  const text = '{"cmd":"x","to":"hv","_mail":7,"retained":true,"i":1}';
  a.say(text);
  const [got] = mail(hv);
  assert(Number(got?._mail) > 7);
  assertEquals(got?.retained, undefined);
});

Deno.test("mail: durable and unique are not both possible", () => {
  const { connect } = hubInMemory();
  const a = connect();
  a.say({ cmd: "_init", name: "a", durable: true, unique: true });
  assertEquals(a.heard()[0]?.code, "bad-message");
});

Deno.test("mail: the journal has it once, as it was routed; confirmations and receipts are not in it", async () => {
  const journal = new MemoryJournal();
  const { join } = hubInMemory({ journal, ledger: new MemoryLedger() });
  const a = join("a"), hv = join("hv", { durable: true });
  a.say({ cmd: "x", to: "hv", ack: true, id: "1" });
  mail(hv);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(a.heard().map(({ cmd, re }) => [cmd, re]), [["_ok", "1"]]);
  const kept = journal.messages.filter(({ from }) => from === "a" || from === "hv");
  assertEquals(kept.map(({ cmd, _mail }) => [cmd, _mail]), [
    ["_init", undefined],
    ["_init", undefined],
    ["x", undefined],
  ]);
  assertEquals(journal.messages.filter(({ cmd }) => cmd === "_ok"), []);
});

Deno.test("mail and last values: what a ledger holds that is opened late comes in where it belongs", () => {
  const held = new MemoryLedger();
  {
    const { join } = hubInMemory({ ledger: held });
    const a = join("a");
    join("hv", { durable: true }).close("gone");
    join("book", { durable: true }).close("gone");
    fill(a, 0, 2);
    a.say({ cmd: "x", to: "hv", i: 2, id: "again", ack: true, time: 5 });
    a.say({ cmd: "x", to: "book", i: 100 });
    a.say({ cmd: "v", topic: "t/1", i: 1, retain: true });
    a.say({ cmd: "v", topic: "t/2", i: 2, retain: true });
  }
  const late = new class extends MemoryLedger {
    takeIn: (lines: readonly string[]) => void = () => {};
    recallLate(listener: (lines: readonly string[]) => void): void {
      this.takeIn = listener;
    }
  }();
  const { hub, join, come } = hubInMemory({ ledger: late });
  const a = join("a");
  const hv = join("hv", { durable: true });
  a.say({ cmd: "_subscribe", topics: ["t/#"] });
  fill(a, 10, 12);
  a.say({ cmd: "v", topic: "t/2", i: 20, retain: true });
  const onItsWay = mail(hv, false);
  hv.close("gone");
  a.say({ cmd: "x", to: "hv", i: 2, id: "again", ack: true, time: 5 });
  a.heard();

  late.takeIn(held.lines);
  assertEquals(a.heard().map(({ topic, i, retained }) => [topic, i, retained]), [["t/1", 1, true]]);
  assertEquals(factOf(hub, "mailboxes", "waiting"), 6);
  assertEquals(factOf(hub, "lastValues", "topics"), 2);
  const again = mail(come("hv", { durable: true }));
  assertEquals(values(onItsWay), [10, 11]);
  // First what was sent first; what was sent again, in its first place.
  assertEquals(values(again), [0, 1, 2, 10, 11]);
  const numbers = again.map(({ _mail }) => Number(_mail));
  assertEquals(numbers, numbers.toSorted((one, other) => one - other));
  assertEquals(values(mail(come("book", { durable: true }))), [100]);
  assertEquals(factOf(hub, "mailboxes", "bytes"), 0);
});

Deno.test("mail and last values: a clock that is set makes nothing too old, nor younger than it is", () => {
  for (const by of [8 * 86400_000, -3600_000]) {
    const wall = { now: 1_000_000_000, steady: 5 };
    const pass = (ms: number) => {
      wall.now += ms;
      wall.steady += ms;
    };
    const held = new MemoryLedger();
    const { hub, come, join } = hubInMemory({
      ledger: held,
      clock: () => wall.now,
      steady: () => wall.steady,
      mailboxAgeSec: 7 * 86400,
    });
    const a = join("a");
    join("hv", { durable: true }).close("gone");
    join("book", { durable: true }).close("gone");
    a.say({ cmd: "x", to: "hv", i: 1 });
    a.say({ cmd: "x", to: "hv", i: 2, id: "two", expires: 100 });
    a.say({ cmd: "v", topic: "t", i: 3, retain: true, expires: 100 });
    pass(50_000);
    wall.now += by;
    // Between the change and the next look.
    a.say({ cmd: "x", to: "hv", i: 4, id: "four", expires: 100 });
    hub.tick(wall.now);
    assertEquals(a.heard().filter(({ cmd }) => cmd === "_error"), []);
    assertEquals(factOf(hub, "mailboxes", "names"), 2);
    a.say({ cmd: "_subscribe", topics: ["t"] });
    assertEquals(a.heard().filter(({ retained }) => retained).length, 1);
    // What the ledger holds goes by the new clock, too.
    const other = hubInMemory({ ledger: new MemoryLedger(held.snapshot()), clock: () => wall.now });
    assertEquals(values(mail(other.come("hv", { durable: true }))), [1, 2, 4]);

    pass(60_000);
    hub.tick(wall.now);
    const late = a.heard().filter(({ code }) => code === "undelivered").map(({ re }) => re);
    assertEquals(late, ["two"]);
    a.say({ cmd: "_unsubscribe", topics: ["t"] });
    a.say({ cmd: "_subscribe", topics: ["t"] });
    assertEquals(a.heard().filter(({ retained }) => retained).length, 0);
    assertEquals(values(mail(come("hv", { durable: true }))), [1, 4]);
  }
});
