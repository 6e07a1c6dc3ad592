import { assertEquals } from "@std/assert";
import type { Handler } from "../client.ts";
import { createLog } from "../log.ts";
import type { Message } from "../message.ts";
import { watchPresence } from "./presence.ts";

/** A client in a hub whose answer, and what else it tells, a test gives. */
function presenceOf() {
  const handlers = new Map<string, Handler>();
  const clock = { ms: 5000 };
  let answer = Promise.withResolvers<Message>();
  const presence = watchPresence(
    {
      joined: true,
      hub: { name: "hub", address: "127.0.0.1:9819", proven: true },
      request: () => (answer = Promise.withResolvers<Message>()).promise,
      subscribe(topic, handler) {
        handlers.set(topic, handler);
        return () => {};
      },
      addEventListener: () => () => {},
    },
    createLog({ name: "run", write() {} }),
    () => clock.ms,
    () => {},
  );
  const tell = (topic: string, fields: Partial<Message>) =>
    handlers.get(topic)?.({ cmd: topic.slice(5), topic, from: "_hub", time: 100, ...fields });
  return { presence, tell, clock, answer: (message: Message) => answer.resolve(message) };
}

/** All that is on its way is through. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("presence: who comes or goes right behind the answer is not forgotten with it", async () => {
  const { presence, tell, answer } = presenceOf();
  const clients = [{ name: "stays" }, { name: "goes" }, { name: "talks" }];
  answer({ cmd: "_clients", time: 100, clients });
  // In the same turn: whoever waits for the answer has not seen it yet.
  tell("_hub/joined", { name: "comes" });
  tell("_hub/left", { name: "goes" });
  tell("_hub/status", { name: "talks", state: "ready", since: 99 });
  await settled();
  assertEquals(presence.known, true);
  const there = ["stays", "comes", "goes", "talks"].map((name) => presence.has(name));
  assertEquals(there, [true, true, false, true]);
  assertEquals(presence.said("talks"), { state: "ready", since: 99, at: 5000 });
});

Deno.test("presence: what was told before the answer does not stand against it", async () => {
  const { presence, tell, answer } = presenceOf();
  tell("_hub/left", { name: "back" });
  tell("_hub/joined", { name: "back" });
  tell("_hub/status", { name: "back", state: "ready", since: 99 });
  tell("_hub/joined", { name: "gone" });
  tell("_hub/left", { name: "gone" });
  const status = { state: "ready", since: 99 };
  answer({ cmd: "_clients", time: 100, clients: [{ name: "back", status }] });
  await settled();
  assertEquals([presence.has("back"), presence.has("gone")], [true, false]);
  assertEquals(presence.said("back")?.state, "ready");
});

Deno.test("presence: while the hub does not answer nobody knows who is there", async () => {
  const { presence, clock, answer } = presenceOf();
  answer({ cmd: "_clients", time: 100, clients: [{ name: "there" }] });
  await settled();
  const known = (ms: number) => {
    clock.ms += ms;
    return presence.known;
  };
  assertEquals(known(60_000), true);
  presence.refresh();
  assertEquals([known(900), known(200), known(60_000)], [true, false, false]);
  answer({ cmd: "_clients", time: 160, clients: [{ name: "there" }] });
  await settled();
  assertEquals([known(0), known(60_000)], [true, true]);
});
