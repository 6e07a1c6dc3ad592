import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  asFromHub,
  asToHub,
  checkMessage,
  encodeMessage,
  isClientName,
  isSystemCommand,
  type Message,
  MessageError,
  parseMessage,
  passesFilter,
} from "./message.ts";

const refused = (run: () => unknown) => assertThrows(run, MessageError);

Deno.test("message: what is right is taken as it is", () => {
  const message = { cmd: "set", to: "cryo", id: "1", re: "0", time: 1.5, kelvin: 120, none: null };
  assertEquals(parseMessage(JSON.stringify(message)), message);
  assertEquals(JSON.parse(encodeMessage(message)), message);
  for (const to of ["*", "_hub", "a", "A.b-c_9"]) checkMessage({ cmd: "x", to });
});

Deno.test("message: every check names its field", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["cmd", {}],
    ["cmd", { cmd: 1 }],
    ["cmd", { cmd: "" }],
    ["cmd", { cmd: "x".repeat(257) }],
    ["to", { cmd: "x", to: 1 }],
    ["to", { cmd: "x", to: null }],
    ["to", { cmd: "x", to: "" }],
    ["to", { cmd: "x", to: "a b" }],
    ["to", { cmd: "x", to: "_other" }],
    ["topic", { cmd: "x", topic: [] }],
    ["topic", { cmd: "x", topic: "a/+" }],
    ["topic", { cmd: "x", topic: "" }],
    ["topic", { cmd: "x", topic: "a", to: "b" }],
    ["from", { cmd: "x", from: {} }],
    ["time", { cmd: "x", time: "now" }],
    ["time", { cmd: "x", time: Infinity }],
    ["id", { cmd: "x", id: 7 }],
    ["id", { cmd: "x", id: "i".repeat(257) }],
    ["re", { cmd: "x", re: true }],
    ["re", { cmd: "x", re: "i".repeat(257) }],
  ];
  for (const [field, value] of cases) {
    const error = refused(() => checkMessage(value));
    assertEquals([error.code, error.field], ["bad-message", field], error.message);
  }
  assertEquals(refused(() => checkMessage({ cmd: "x", to: 1, id: "q" })).id, "q");
});

Deno.test("message: what is no object", () => {
  for (const [text, is] of [["[]", "an array"], ["null", "null"], ["3", "a number"]] as const) {
    const error = refused(() => parseMessage(text));
    assertEquals(error.code, "bad-message");
    assertStringIncludes(error.message, `it is ${is}, not an object`);
  }
});

Deno.test("message: what is no JSON, with a hint at NaN", () => {
  const plain = refused(() => parseMessage("{"));
  assertEquals(plain.code, "bad-json");
  assert(!plain.message.includes("NaN"));
  for (const text of ['{"cmd":"x","v":NaN}', '{"cmd":"x","v":-Infinity}']) {
    const error = refused(() => parseMessage(text));
    assertEquals(error.code, "bad-json");
    assertStringIncludes(error.message, "send null");
  }
});

Deno.test("message: an empty receiver or topic, as of a cluster that has both, is to be left out", () => {
  for (const text of ['{"cmd":"x","to":"","topic":"a"}', '{"cmd":"x","to":"b","topic":""}']) {
    assertStringIncludes(refused(() => parseMessage(text)).message, "is empty; leave it out");
  }
});

Deno.test("message: size in bytes of UTF-8", () => {
  const text = JSON.stringify({ cmd: "x", v: "é" });
  const size = new TextEncoder().encode(text).length;
  parseMessage(text, { maxBytes: size });
  assertEquals(refused(() => parseMessage(text, { maxBytes: size - 1 })).code, "too-large");
  const message = { cmd: "x", v: "é", id: "7" };
  const error = refused(() => encodeMessage(message, { maxBytes: size }));
  assertEquals([error.code, error.id], ["too-large", "7"]);
});

Deno.test("message: nesting", () => {
  const nested = (levels: number) => `{"cmd":"x","v":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  parseMessage(nested(2), { maxNesting: 3 });
  assertEquals(refused(() => parseMessage(nested(3), { maxNesting: 3 })).code, "bad-message");
  parseMessage(nested(63));
  refused(() => parseMessage(nested(64)));
  refused(() => parseMessage(nested(200_000)));
});

Deno.test("message: client names, system commands", () => {
  for (const name of ["a", "A-1.b_c", "x".repeat(64)]) assert(isClientName(name), name);
  for (const name of ["", "_a", "a b", "x".repeat(65), "*", "é", "a\n"]) {
    assert(!isClientName(name), name);
  }
  assert(isSystemCommand("_ping"));
  assert(!isSystemCommand("ping"));
});

Deno.test("message: to the hub", () => {
  const right: Message[] = [
    { cmd: "_init", name: "a" },
    { cmd: "_init", name: "a", unique: true, info: { program: "p", extra: 1 } },
    { cmd: "_ping" },
    { cmd: "_pong" },
    { cmd: "_clients" },
    { cmd: "_stats" },
    { cmd: "_subscribe", topics: ["a/+", "#"] },
    { cmd: "_unsubscribe", topics: [] },
    { cmd: "_spy", on: true, only: { cmd: ["a"], not: [{ topic: ["b/#"] }] } },
  ];
  for (const message of right) assertEquals<unknown>(asToHub(message), message);
  const wrong: [string, Message][] = [
    ["name", { cmd: "_init" }],
    ["name", { cmd: "_init", name: 1 }],
    ["unique", { cmd: "_init", name: "a", unique: "yes" }],
    ["info", { cmd: "_init", name: "a", info: [] }],
    ["info", { cmd: "_init", name: "a", info: { x: "y".repeat(5000) } }],
    ["topics", { cmd: "_subscribe" }],
    ["topics", { cmd: "_subscribe", topics: "a" }],
    ["topics", { cmd: "_subscribe", topics: [1] }],
    ["topics", { cmd: "_unsubscribe", topics: ["a//b"] }],
    ["on", { cmd: "_spy", on: 1 }],
    ["only", { cmd: "_spy", on: true, only: "a" }],
    ["only", { cmd: "_spy", on: true, only: { cmd: "a" } }],
    ["only", { cmd: "_spy", on: true, only: { other: [] } }],
    ["only", { cmd: "_spy", on: true, only: { constructor: [] } as never }],
    ["only", { cmd: "_spy", on: true, only: { not: [{ topic: ["#/a"] }] } }],
  ];
  for (const [field, message] of wrong) {
    const error = refused(() => asToHub({ ...message, id: "i" }));
    assertEquals([error.code, error.field, error.id], ["bad-message", field, "i"], error.message);
  }
  for (const cmd of ["_nothing", "toString", "__proto__"]) {
    assertEquals(refused(() => asToHub({ cmd })).code, "unknown-command");
  }
});

Deno.test("message: a filter's fields are its own only", () => {
  const message = parseMessage('{"cmd":"_spy","on":true,"only":{"__proto__":[]}}');
  assertEquals(refused(() => asToHub(message)).field, "only");
});

Deno.test("message: from the hub", () => {
  const welcome = { cmd: "_welcome", name: "a", hub: "h", protocol: 1, heartbeat: 5, timeout: 15 };
  assertEquals<unknown>(asFromHub(welcome), welcome);
  assertEquals(refused(() => asFromHub({ ...welcome, timeout: "1" })).field, "timeout");
  assertEquals(asFromHub({ cmd: "_error", code: "denied", text: "no" })?.cmd, "_error");
  assertEquals(refused(() => asFromHub({ cmd: "_error", code: "?", text: "no" })).field, "code");
  assertEquals(refused(() => asFromHub({ cmd: "_clients", clients: [1] })).field, "clients");
  assertEquals(refused(() => asFromHub({ cmd: "_stats" })).field, "uptime");
  assertEquals(asFromHub({ cmd: "_newer" }), undefined);
  assertEquals(asFromHub({ cmd: "toString" }), undefined);
});

Deno.test("message: filters", () => {
  const message = { cmd: "temp", from: "cryo", topic: "cryo/temp" };
  assert(passesFilter(message, {}));
  assert(passesFilter(message, { from: ["x", "cryo"], cmd: ["temp"], topic: ["cryo/+"] }));
  assert(!passesFilter(message, { from: ["cryo"], cmd: ["other"] }));
  assert(!passesFilter(message, { to: ["cryo"] }));
  assert(!passesFilter({ cmd: "temp" }, { topic: ["#"] }));
  assert(!passesFilter(message, { not: [{ cmd: ["x"] }, { cmd: ["temp"] }] }));
  assert(passesFilter(message, { not: [{ cmd: ["temp"], from: ["hv"] }] }));
  assert(passesFilter(message, { not: [{ not: [{ cmd: ["temp"] }] }] }));
  assert(!passesFilter(message, { cmd: [] }));
});
