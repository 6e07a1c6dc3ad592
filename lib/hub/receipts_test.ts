import { assertEquals, assertMatch } from "@std/assert";
import { hubInMemory, MemoryJournal, MemoryLedger, turn } from "../../tests/hub_lab.ts";

function setup() {
  const journal = new MemoryJournal(), ledger = new MemoryLedger();
  return { journal, ledger, ...hubInMemory({ journal, ledger }) };
}

Deno.test("ack: _ok once it is safe, with how many have it", async () => {
  const { join, hub } = setup();
  const a = join("a"), b = join("b");
  join("hv", { durable: true }).close("gone");
  b.say({ cmd: "_subscribe", topics: ["t/#"] });
  a.say({ cmd: "x", to: "b", ack: true, id: "1" });
  a.say({ cmd: "x", topic: "t/1", ack: true, id: "2" });
  a.say({ cmd: "x", topic: "other", ack: true, id: "3" });
  a.say({ cmd: "x", to: "*", ack: true, id: "4" });
  a.say({ cmd: "x", to: "hv", ack: true, id: "5" });
  a.say({ cmd: "x", to: "b", ack: false, id: "6" });
  assertEquals(a.heard(), []);
  await turn();
  assertEquals(a.heard().map(({ cmd, re, receivers, mailbox }) => [cmd, re, receivers, mailbox]), [
    ["_ok", "1", 1, undefined],
    ["_ok", "2", 1, undefined],
    ["_ok", "3", 0, undefined],
    ["_ok", "4", 1, undefined],
    ["_ok", "5", 0, true],
  ]);
  assertEquals(hub.stats().acknowledged, 5);
});

Deno.test("ack: not before the disk has it", async () => {
  const { join, journal } = setup();
  const disk = Promise.withResolvers<void>();
  journal.synced = () => disk.promise;
  const a = join("a"), b = join("b");
  a.say({ cmd: "x", to: "b", ack: true, id: "1" });
  assertEquals(b.heard().at(-1)?.ack, true);
  await turn();
  assertEquals(a.heard().filter(({ cmd }) => cmd === "_ok"), []);
  disk.resolve();
  await turn();
  assertEquals(a.heard().map(({ re }) => re), ["1"]);
});

Deno.test("ack: never a false _ok: no journal, a journal or a ledger that cannot write", async () => {
  const cases = [
    [{}, "b", /handed to 1 client, .*keeps no journal/],
    [{ journal: new MemoryJournal() }, "hv", /in the mailbox, .*keeps no ledger/],
  ] as const;
  for (const [options, to, why] of cases) {
    const { join } = hubInMemory(options);
    const a = join("a"), b = join("b"), hv = join("hv", { durable: true });
    a.say({ cmd: "x", to, ack: true, id: "1" });
    await turn();
    const [error] = a.heard();
    assertEquals([error?.cmd, error?.code, error?.re], ["_error", "not-safe", "1"]);
    assertMatch(String(error?.text), why);
    assertEquals((to === "b" ? b : hv).heard().at(-1)?.cmd, "x");
  }
  const { join, journal, ledger, hub } = setup();
  const a = join("a");
  join("b");
  join("hv", { durable: true });
  journal.problem = "the disk is full";
  a.say({ cmd: "x", to: "b", ack: true, id: "1" });
  await turn();
  journal.problem = undefined;
  ledger.problem = "the disk is full";
  a.say({ cmd: "x", to: "b", ack: true, id: "2" });
  a.say({ cmd: "x", to: "hv", ack: true, id: "3" });
  a.say({ cmd: "x", topic: "t", ack: true, retain: true, id: "4" });
  await turn();
  const answers = a.heard().filter(({ cmd }) => cmd === "_ok" || cmd === "_error");
  assertEquals(answers.map(({ cmd, re }) => [cmd, re]), [
    ["_error", "1"],
    ["_ok", "2"],
    ["_error", "3"],
    ["_error", "4"],
  ]);
  assertEquals(hub.stats().notSafe, 3);
});

Deno.test("ack: refusals are errors as ever; ack needs an id, and is true or false", async () => {
  const { join } = setup();
  const a = join("a");
  a.say({ cmd: "x", to: "nobody", ack: true, id: "1" });
  a.say({ cmd: "x", to: "a", ack: true });
  a.say('{"cmd":"x","to":"a","ack":1,"id":"3"}');
  a.say({ cmd: "x", to: "a", retain: true, id: "4" });
  a.say({ cmd: "x", to: "a", expires: -1, id: "5" });
  await turn();
  assertEquals(a.heard().map(({ code, re }) => [code, re]), [
    ["unknown-client", "1"],
    ["bad-message", undefined],
    ["bad-message", "3"],
    ["bad-message", "4"],
    ["bad-message", "5"],
  ]);
});

Deno.test("ack: a message that the journal lost is not safe, whatever it kept behind it", async () => {
  const { join, journal } = setup();
  const asked: number[] = [];
  journal.synced = (since = 0) => {
    asked.push(since);
    return Promise.resolve();
  };
  const a = join("a"), slow = join("slow");
  const before = journal.seq;
  // It does not read: what is said of its end is in the journal behind the message.
  slow.queued = Infinity;
  a.say({ cmd: "x", to: "slow", ack: true, id: "1" });
  await turn();
  assertEquals(asked, [before + 1]);
  assertEquals(journal.messages[before]?.cmd, "x");
  assertEquals(journal.seq > before + 1, true);
});
