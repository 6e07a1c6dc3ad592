import { assertEquals } from "@std/assert";
import { MemoryConnection } from "../transport/memory.ts";
import { Hub } from "./hub.ts";

function setup() {
  const time = { now: 1_000_000 };
  const hub = new Hub({ name: "test", clock: () => time.now });
  const join = (name: string) => {
    const client = new MemoryConnection(hub.attach.bind(hub));
    client.say({ cmd: "_init", name });
    client.heard();
    return client;
  };
  const known = () => hub.clients().map(({ name, status }) => [name, status]);
  return { hub, time, join, known };
}

Deno.test("a status is told when it is another, and kept for who comes later", () => {
  const { time, join, known } = setup();
  const cryo = join("cryo"), early = join("early");
  early.say({ cmd: "_subscribe", topics: ["_hub/status"] });
  early.heard();
  cryo.say({ cmd: "_status", state: "cooling", text: "293 K" });
  const first = { state: "cooling", text: "293 K", since: 1000, at: 1000 };
  const told = { cmd: "status", topic: "_hub/status", from: "_hub", name: "cryo", time: 1000 };
  assertEquals(early.heard(), [{ ...told, ...first }]);
  assertEquals(cryo.heard(), []);

  // The same again: a sign of life, and no news.
  time.now += 5000;
  cryo.say({ cmd: "_status", state: "cooling", text: "293 K", id: "1" });
  assertEquals(early.heard(), []);
  assertEquals(cryo.heard().map(({ cmd, re }) => [cmd, re]), [["_ok", "1"]]);
  assertEquals(known()[0], ["cryo", { ...first, at: 1005 }]);

  time.now += 5000;
  cryo.say({ cmd: "_status", state: "cooling", text: "292 K" });
  cryo.say({ cmd: "_status", state: "stable" });
  assertEquals(early.heard().map(({ state, text, since }) => [state, text, since]), [
    ["cooling", "292 K", 1000],
    ["stable", undefined, 1010],
  ]);
  assertEquals(known(), [["cryo", { state: "stable", since: 1010, at: 1010 }], [
    "early",
    undefined,
  ]]);
  // Who comes under the same name has said nothing yet.
  cryo.close("test");
  join("cryo");
  assertEquals(known().find(([name]) => name === "cryo")?.[1], undefined);
});

Deno.test("a status that is too long, or none, is refused and changes nothing", () => {
  const { join, known } = setup();
  const a = join("a");
  const bad = [
    {},
    { state: "" },
    { state: "x".repeat(41) },
    { state: 1 },
    { state: "a\nb" },
    { state: "a", text: "x".repeat(401) },
    { state: "a", text: "two\nlines" },
    { state: "a", text: null },
  ];
  for (const fields of bad) {
    a.say({ cmd: "_status", ...fields });
    assertEquals(a.heard().map(({ cmd, code }) => [cmd, code]), [["_error", "bad-message"]]);
  }
  a.say({ cmd: "_status", state: "x".repeat(40), text: "x".repeat(400) });
  assertEquals(a.heard(), []);
  assertEquals(known()[0]?.[0], "a");
});
