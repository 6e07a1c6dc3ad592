import { assertEquals } from "@std/assert";
import { MemoryConnection } from "../transport/memory.ts";
import { Hub } from "./hub.ts";

for (const isSpied of [false, true]) {
  Deno.test(`signs of life${isSpied ? ", while somebody spies" : ""}: a ping, and each form of its answer`, () => {
    const time = { now: 1_000_000.5 };
    const hub = new Hub({ name: "test", clock: () => time.now });
    const join = (name: string) => {
      const client = new MemoryConnection(hub.attach.bind(hub));
      client.say({ cmd: "_init", name });
      client.heard();
      return client;
    };
    const a = join("a");
    const spy = isSpied ? join("spy") : undefined;
    spy?.say({ cmd: "_spy", on: true });
    spy?.heard();
    const answers = [
      '{"cmd":"_pong"}',
      '{"cmd": "_pong"}',
      '{ "cmd" : "_pong" }',
      '{"cmd":"_pong","time":1000,"from":"a"}',
      '{"to":"_hub","cmd":"_pong","re":"1"}',
    ];
    const { received = 0 } = hub.clients()[0] ?? {};
    const { messages, bytes, pings } = hub.stats();
    assertEquals(pings.count, 0);
    for (const answer of answers) {
      time.now += 10_000;
      hub.tick(time.now);
      assertEquals(
        a.heard().filter(({ cmd }) => cmd !== "_joined"),
        [{ cmd: "_ping", from: "_hub", to: "a", time: time.now / 1000 }],
      );
      time.now += 2;
      a.say(answer);
      spy?.say('{"cmd":"_pong"}');
    }
    const spies = isSpied ? answers.length : 0;
    const stats = hub.stats();
    assertEquals(stats.pings.count, answers.length + spies);
    assertEquals(Math.round(1000 * stats.pings.sum), 2 * (answers.length + spies));
    assertEquals(stats.messages - messages, answers.length + spies);
    const length = answers.join("").length + 15 * spies;
    assertEquals(stats.bytes - bytes, length);
    assertEquals(hub.clients()[0]?.received, received + answers.length);
    assertEquals(a.heard(), []);
    const seen = spy?.heard().filter(({ cmd, from }) => cmd === "_pong" && from === "a");
    assertEquals(seen?.length, isSpied ? answers.length : undefined);
    // What is a little more than an answer is looked at closely.
    a.say('{"cmd":"_pong","re":1}');
    assertEquals(a.heard()[0]?.code, "bad-message");
    a.say('{"cmd":"_pang"}');
    assertEquals(a.heard()[0]?.code, "unknown-command");
  });
}
