import { assert, assertEquals, assertMatch } from "@std/assert";
import { MemoryConnection } from "../transport/memory.ts";
import { Hub, type HubOptions } from "./hub.ts";

function setup(options: Partial<HubOptions> = {}) {
  const time = { now: 1_000_000 };
  const hub = new Hub({ name: "test", clock: () => time.now, ...options });
  const connect = () => new MemoryConnection(hub.attach.bind(hub));
  const join = (name: string) => {
    const client = connect();
    client.say({ cmd: "_init", name });
    assertEquals(client.heard()[0]?.cmd, "_welcome");
    return client;
  };
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) hub.tick(time.now += 1000);
  };
  return { hub, time, connect, join, pass };
}

Deno.test("a message reaches the one it is for, stamped with from and time", () => {
  const { join } = setup();
  const a = join("a"), b = join("b"), c = join("c");
  a.say({ cmd: "x", to: "b", val: 1 });
  assertEquals(b.heard(), [{ cmd: "x", to: "b", val: 1, from: "a", time: 1000 }]);
  assertEquals([a.heard(), c.heard()], [[], []]);
});

Deno.test("* is everyone but the sender, a topic is for its subscribers", () => {
  const { join } = setup();
  const a = join("a"), b = join("b"), c = join("c");
  a.say({ cmd: "x", to: "*" });
  assertEquals([a, b, c].map((client) => client.heard().length), [0, 1, 1]);
  b.say({ cmd: "_subscribe", topics: ["run/#"], id: "1" });
  assertEquals(b.heard().map(({ cmd, re }) => [cmd, re]), [["_ok", "1"]]);
  a.say({ cmd: "y", topic: "run/1" });
  assertEquals([a, b, c].map((client) => client.heard().length), [0, 1, 0]);
});

Deno.test("refusals: unknown client, another's name, no such command, bad JSON", () => {
  const { join } = setup();
  const a = join("a");
  join("b");
  for (
    const [message, code, re] of [
      [{ cmd: "x", to: "nobody", id: "1" }, "unknown-client", "1"],
      [{ cmd: "x", to: "b", from: "b", id: "2" }, "denied", "2"],
      [{ cmd: "x", id: "3" }, "unknown-command", "3"],
      [{ cmd: "x", topic: "_hub/left", id: "4" }, "denied", "4"],
      ["{", "bad-json", undefined],
    ] as const
  ) {
    a.say(message);
    const [error] = a.heard();
    assertEquals([error?.cmd, error?.code, error?.re], ["_error", code, re]);
    if (code === "unknown-client") assertMatch(String(error?.text), /a, b/);
  }
  assertEquals(a.ended, undefined);
});

Deno.test("a hub that was away, or whose clock was set, closes nobody for it, and goes on with pings", () => {
  for (const jumpSec of [3600, -3600]) {
    const { join, pass, hub, time } = setup();
    const a = join("a"), silent = join("silent");
    pass(9);
    hub.tick(time.now += jumpSec * 1000);
    assertEquals([a.ended, silent.ended], [undefined, undefined]);
    a.heard();
    let pings = 0;
    for (let sec = 0; sec < 29; sec++) {
      pass(1);
      pings += a.heard().filter(({ cmd }) => cmd === "_ping").length;
      a.say({ cmd: "_pong" });
    }
    assert(pings >= 2, `${pings} pings in 29 s`);
    assertEquals([a.ended, silent.ended], [undefined, undefined]);
    pass(1);
    assertEquals(a.ended, undefined);
    assertMatch(silent.ended ?? "", /no message for 30 s/);
  }
});

Deno.test("a message without an end: its sender is told at the next ping, and when it is closed", () => {
  const { connect, join, pass } = setup();
  const a = join("a"), silent = join("silent"), stranger = connect();
  const missing = /bytes of one without an end: is a } or a " missing\?/;
  for (const client of [a, stranger]) client.sayPart(40);
  pass(9);
  assertEquals(a.heard(), []);
  pass(1);
  assertMatch(stranger.ended ?? "", missing);
  const [told, ping] = a.heard();
  assertEquals([told?.code, ping?.cmd], ["bad-json", "_ping"]);
  assertMatch(String(told?.text), /only 40 bytes of one without an end/);
  a.sayPart(15); // it answers, and that is taken for more of the same
  pass(20);
  assertMatch(a.ended ?? "", missing);
  assertMatch(a.ended ?? "", /no message for 30 s, only 55 bytes/);
  assertEquals(silent.ended, "no message for 30 s");
  assertMatch(String(silent.heard().at(-1)?.text), /answer each _ping with _pong/);

  const b = join("b");
  b.sayPart(5);
  b.say({ cmd: "_pong" });
  pass(10);
  assertEquals(b.heard().map(({ cmd }) => cmd), ["_ping"]);
});

Deno.test("subscriptions of one client are bounded; what it has already counts once", () => {
  const { join } = setup();
  const a = join("a"), b = join("b");
  const topics = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `t/${from + i}`);
  const subscribe = (topics: string[]) => {
    a.say({ cmd: "_subscribe", topics, id: "s" });
    return a.heard().map(({ cmd, code }) => code ?? cmd);
  };
  assertEquals(subscribe(topics(0, 1000)), ["_ok"]);
  assertEquals(subscribe([...topics(500, 1000), ...topics(0, 1)]), ["_ok"]);
  assertEquals(subscribe(topics(1000, 1001)), ["bad-message"]);
  a.say({ cmd: "_unsubscribe", topics: topics(0, 2) });
  a.heard();
  assertEquals(subscribe(topics(1000, 1002)), ["_ok"]);
  for (const topic of topics(0, 1002)) b.say({ cmd: "x", topic });
  assertEquals(a.heard().length, 1000);
});

Deno.test("a subscription that names its topic as a publication does is told so, and published to nobody", () => {
  const { join } = setup();
  const a = join("a"), b = join("b");
  b.say({ cmd: "_subscribe", topics: ["a/b"] });
  b.heard();
  a.say({ cmd: "_subscribe", topic: "a/b", id: "s" });
  const [error] = a.heard();
  assertEquals([error?.code, error?.re], ["bad-message", "s"]);
  assertMatch(String(error?.text), /the topics are a list: "topics": \["a\/b"\]/);
  assertEquals(b.heard(), []);
});

Deno.test("joining: bad names, not joined, unique", () => {
  const { connect, join } = setup();
  const bad = connect();
  bad.say({ cmd: "_init", name: "_x", id: "1" });
  const [error] = bad.heard();
  assertEquals([error?.code, error?.re], ["name-invalid", "1"]);
  assertMatch(bad.ended ?? "", /name/);
  const early = connect();
  early.say({ cmd: "x", to: "a" });
  assertEquals(early.heard()[0]?.code, "not-joined");
  const holder = join("a");
  const [second, third] = [connect(), connect()];
  for (const one of [second, third]) one.say({ cmd: "_init", name: "a", unique: true });
  assertEquals(second.heard(), []);
  holder.say({ cmd: "_pong" });
  assertEquals([second.heard()[0]?.name, third.heard()[0]?.name], ["a-2", "a-3"]);
});

Deno.test("joining: unique gets the name itself if its holder does not answer", () => {
  const { connect, join, pass } = setup();
  const dead = join("run");
  const [heir, other] = [connect(), connect()];
  for (const one of [heir, other]) one.say({ cmd: "_init", name: "run", unique: true });
  pass(1);
  assertEquals(heir.heard(), []);
  pass(1);
  assertEquals([heir.heard()[0]?.name, other.heard()[0]?.name], ["run", "run-2"]);
  assertMatch(dead.ended ?? "", /did not answer/);
});

Deno.test("a taken name: what the holder sent before it died does not keep the name for it", () => {
  const { connect, join, pass } = setup();
  const dead = join("a");
  const heir = connect();
  heir.say({ cmd: "_init", name: "a" });
  // It was on its way still, as after a flood; then the hub sees the end of the connection.
  for (let i = 0; i < 4; i++) {
    pass(1);
    dead.say({ cmd: "data", topic: "t" });
  }
  assertEquals(heir.heard(), []);
  dead.close("killed");
  assertEquals(heir.heard()[0]?.cmd, "_welcome");

  const talker = join("b"), rival = connect();
  rival.say({ cmd: "_init", name: "b", id: "1" });
  for (let i = 0; i < 31; i++) {
    pass(1);
    talker.say({ cmd: "data", topic: "t" });
  }
  assertEquals(rival.heard()[0]?.code, "name-taken", "it answers no pings, but is there");
  assertEquals(talker.ended, undefined);
});

Deno.test("a taken name: refused if the holder answers, given after 2 s if not", () => {
  const { connect, join, pass } = setup();
  const holder = join("a");
  const refused = connect();
  refused.say({ cmd: "_init", name: "a", id: "1" });
  assertEquals(holder.heard().map(({ cmd }) => cmd), ["_ping"]);
  holder.say({ cmd: "_pong" });
  const [error] = refused.heard();
  assertEquals([error?.code, error?.re], ["name-taken", "1"]);

  const heir = connect();
  heir.say({ cmd: "_init", name: "a" });
  heir.say({ cmd: "_clients", id: "held" });
  pass(1);
  assertEquals(heir.heard(), []);
  pass(1);
  assertEquals(heir.heard().map(({ cmd }) => cmd), ["_welcome", "_clients"]);
  assertMatch(holder.ended ?? "", /did not answer/);
});

Deno.test("pings each 10 s, closes after 30 s of silence, publishes who left", () => {
  const { join, connect, pass, hub } = setup();
  const a = join("a"), watch = join("watch");
  watch.say({ cmd: "_subscribe", topics: ["_hub/left"] });
  const mute = connect();
  for (let i = 0; i < 30; i++) {
    pass(1);
    watch.say({ cmd: "_pong" });
  }
  assertEquals(mute.heard()[0]?.code, "not-joined");
  assertEquals(a.heard().map(({ cmd }) => cmd), ["_ping", "_ping", "_error"]);
  assertMatch(a.ended ?? "", /30 s/);
  const left = watch.heard().find(({ cmd }) => cmd === "left");
  assertEquals(left?.name, "a");
  assertMatch(String(left?.reason), /30 s/);
  assertEquals(hub.clients().map(({ name }) => name), ["watch"]);
});

Deno.test("a client that does not read is destroyed and forgotten", () => {
  const { join, hub } = setup({ queueBytes: 100 });
  const a = join("a"), slow = join("slow");
  slow.queued = 101;
  a.say({ cmd: "x", to: "slow" });
  assertEquals(slow.heard().at(-1)?.code, "slow-consumer");
  assertEquals(slow.destroyed, true);
  assertEquals(hub.stats().slowConsumers, 1);
  a.say({ cmd: "x", to: "slow" });
  assertEquals(a.heard().at(-1)?.code, "unknown-client");
});

Deno.test("a spy sees what passes its filter, once", () => {
  const { join } = setup();
  const a = join("a"), spy = join("spy");
  join("b");
  spy.say({ cmd: "_spy", on: true, only: { cmd: ["x"] }, id: "1" });
  assertEquals(spy.heard().map(({ cmd, re }) => [cmd, re]), [["_ok", "1"]]);
  a.say({ cmd: "x", to: "b" });
  a.say({ cmd: "x", to: "spy" });
  a.say({ cmd: "y", to: "b" });
  assertEquals(spy.heard().map(({ cmd, to }) => [cmd, to]), [["x", "b"], ["x", "spy"]]);
  spy.say({ cmd: "_spy", on: false });
  spy.heard();
  a.say({ cmd: "x", to: "b" });
  assertEquals(spy.heard(), []);
});

Deno.test("ping, stats and shutdown", () => {
  const { join, hub } = setup();
  const a = join("a");
  a.say({ cmd: "_ping", id: "1" });
  a.say({ cmd: "_stats", id: "2" });
  assertEquals(a.heard().map(({ cmd, re }) => [cmd, re]), [["_pong", "1"], ["_stats", "2"]]);
  hub.shutdown();
  assertEquals(a.heard()[0]?.code, "shutting-down");
  assertMatch(a.ended ?? "", /shutting down/);
});
