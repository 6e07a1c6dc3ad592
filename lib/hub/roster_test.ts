import { assertEquals, assertMatch } from "@std/assert";
import { MemoryConnection } from "../transport/memory.ts";
import { type Client, newClient } from "./client.ts";
import { createRoster } from "./roster.ts";

const NOBODY = { scanned() {}, received() {}, garbled() {}, read: () => undefined, closed() {} };

function someone(name: string): Client {
  const client = newClient(new MemoryConnection(() => NOBODY), 1000);
  client.name = name;
  return client;
}

Deno.test("roster: a name is the first holder's until it is taken out", () => {
  const roster = createRoster();
  const a = someone("a"), other = someone("a");
  roster.all.add(a);
  roster.add("a", a);
  roster.remove(other);
  assertEquals([roster.get("a"), roster.size], [a, 1]);
  roster.remove(a);
  assertEquals([roster.get("a"), roster.size, roster.all.size], [undefined, 0, 0]);
});

Deno.test("roster: everybody and subscribers are as they are now", () => {
  const roster = createRoster();
  const a = someone("a"), b = someone("b");
  roster.add("a", a);
  assertEquals(roster.everybody(), [a]);
  b.topics.add("x/#");
  assertEquals(roster.subscribers.of("x/1"), []);
  roster.add("b", b);
  assertEquals([roster.everybody(), roster.subscribers.of("x/1")], [[a, b], [b]]);
});

Deno.test("roster: a free name has a number, and is never too long", () => {
  const roster = createRoster();
  const long = "n".repeat(64);
  for (const name of ["a", "a-2", long]) roster.add(name, someone(name));
  assertEquals(roster.freeName("a"), "a-3");
  assertEquals(roster.freeName(long), `${"n".repeat(62)}-2`);
});

Deno.test("roster: names in words, not too many of them", () => {
  const roster = createRoster();
  for (let i = 99; i >= 40; i--) roster.add(`c${i}`, someone(`c${i}`));
  assertMatch(roster.names(), /^c40, c41, .* and 10 more$/);
});
