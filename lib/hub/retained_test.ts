import { assertEquals } from "@std/assert";
import type { MemoryConnection } from "../transport/memory.ts";
import { factOf, hubInMemory, MemoryLedger } from "../../tests/hub_lab.ts";

function values(client: MemoryConnection): unknown[] {
  return client.heard().filter(({ topic }) => topic !== undefined)
    .map(({ topic, i, retained }) => [topic, i, retained]);
}

Deno.test("retain: the last value is given to who subscribes later, marked", () => {
  const { join } = hubInMemory();
  const a = join("a"), early = join("early"), late = join("late");
  early.say({ cmd: "_subscribe", topics: ["run/#"] });
  for (const i of [1, 2]) a.say({ cmd: "x", topic: "run/1", i, retain: true });
  a.say({ cmd: "x", topic: "run/1", i: 3 });
  a.say({ cmd: "x", topic: "hv", i: 4, retain: true });
  assertEquals(values(early), [["run/1", 1, undefined], ["run/1", 2, undefined], [
    "run/1",
    3,
    undefined,
  ]]);
  late.say({ cmd: "_subscribe", topics: ["run/+"], id: "1" });
  const [ok, value, ...more] = late.heard();
  assertEquals([ok?.cmd, value?.i, value?.retained, value?.from, more], ["_ok", 2, true, "a", []]);
});

Deno.test("retain: outlives the hub, from the lines of the ledger or from them written anew", () => {
  const ledger = new MemoryLedger();
  const { join } = hubInMemory({ ledger });
  const a = join("a");
  for (const i of [1, 2, 3]) a.say({ cmd: "x", topic: "b", i, retain: true });
  a.say({ cmd: "x", topic: "a", i: 4, retain: true });
  a.say({ cmd: "x", topic: "c", i: 5, retain: true });
  a.say({ cmd: "_forget", topics: ["c"], id: "f" });
  assertEquals(a.heard().map(({ re, forgotten }) => [re, forgotten]), [["f", 1]]);
  for (const lines of [ledger.lines, ledger.snapshot()]) {
    const again = hubInMemory({ ledger: new MemoryLedger(lines) });
    const late = again.join("late");
    late.say({ cmd: "_subscribe", topics: ["#"] });
    assertEquals(values(late), [["b", 3, true], ["a", 4, true]]);
  }
});

Deno.test("retain: is bounded by topics and bytes; what is refused is not delivered", () => {
  for (const options of [{ retainedTopics: 2 }, { retainedBytes: 200 }]) {
    const { join, hub } = hubInMemory(options);
    const a = join("a"), late = join("late");
    late.say({ cmd: "_subscribe", topics: ["#"] });
    for (const i of [1, 2, 3]) a.say({ cmd: "x", topic: `t/${i}`, i, retain: true, id: `${i}` });
    assertEquals(a.heard().map(({ code, re }) => [code, re]), [["retain-full", "3"]]);
    assertEquals(values(late).length, 2);
    // A new value of a known topic takes no more room.
    a.say({ cmd: "x", topic: "t/1", i: 9, retain: true });
    assertEquals(a.heard(), []);
    a.say({ cmd: "_forget", topics: ["t/2"] });
    a.say({ cmd: "x", topic: "t/3", i: 3, retain: true });
    assertEquals(a.heard().map(({ cmd }) => cmd), ["_ok"]);
    assertEquals(factOf(hub, "lastValues", "topics"), 2);
  }
});

Deno.test("retain: what has expired is not given", () => {
  const { join, pass, connect } = hubInMemory({ retainedTopics: 1 });
  const a = join("a");
  a.say({ cmd: "x", topic: "t", i: 1, retain: true, expires: 5 });
  pass(5, [a]);
  const late = connect();
  late.say({ cmd: "_init", name: "late" });
  late.say({ cmd: "_subscribe", topics: ["t"] });
  assertEquals(values(late), []);
  a.heard();
  a.say({ cmd: "x", topic: "u", i: 2, retain: true });
  assertEquals(a.heard(), []);
});

Deno.test("last values: one that expires in a very long time outlives the hub, one that never does is refused", () => {
  const ledger = new MemoryLedger();
  const { join } = hubInMemory({ ledger });
  const a = join("a");
  a.say('{"cmd":"v","topic":"t","retain":true,"expires":1e306,"i":1}');
  assertEquals(a.heard(), []);
  a.say('{"cmd":"v","topic":"u","retain":true,"expires":1e400,"i":2}');
  assertEquals(a.heard().map(({ code }) => code), ["bad-message"]);
  const after = hubInMemory({ ledger: new MemoryLedger(ledger.lines) });
  assertEquals(factOf(after.hub, "lastValues", "topics"), 1);
});
