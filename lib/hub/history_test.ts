import { assertEquals, assertMatch } from "@std/assert";
import { createJournal } from "../journal/journal.ts";
import { readPage } from "../journal/page.ts";
import type { Json, JsonObject, Message } from "../message.ts";
import { MemoryConnection } from "../transport/memory.ts";
import { Hub } from "./hub.ts";

async function setup() {
  const folder = await Deno.makeTempDir({ prefix: "abcd-history-" });
  const journal = await createJournal({ folder });
  const hub = new Hub({
    name: "test",
    clock: Date.now,
    journal: {
      get seq() {
        return journal.seq;
      },
      append: journal.append,
      synced: (since) => journal.synced(since),
      page: (query, options) => readPage(journal, query, options),
      stats: () => journal.stats(),
    },
  });
  const join = (name: string) => {
    const client = new MemoryConnection(hub.attach.bind(hub));
    client.say({ cmd: "_init", name });
    client.heard();
    return client;
  };
  /** The next message that comes: a page is read from files, so it takes a moment. */
  async function next(client: MemoryConnection): Promise<Message> {
    for (;;) {
      const [message] = client.heard();
      if (message !== undefined) return message;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  return {
    hub,
    journal,
    join,
    next,
    async [Symbol.asyncDispose]() {
      await journal[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function messagesOf(answer: Message): JsonObject[] {
  return (answer.records as Json[]).map((record) => (record as { m: JsonObject }).m);
}

Deno.test("history: what was routed, as it was routed, page by page", async () => {
  await using test = await setup();
  const a = test.join("a");
  test.join("b");
  for (let i = 0; i < 25; i++) a.say({ cmd: "x", to: "b", i });
  const seen: unknown[] = [];
  let after = 0;
  for (let pages = 1;; pages++) {
    a.say({ cmd: "_history", id: "1", after, limit: 10, only: { cmd: ["x"] } });
    const answer = await test.next(a);
    assertEquals([answer.cmd, answer.re], ["_history", "1"]);
    seen.push(...messagesOf(answer).map(({ i, from }) => `${from} ${i}`));
    if (answer.next === null) {
      assertEquals(pages, 3);
      break;
    }
    after = Number(answer.next);
  }
  assertEquals(seen, Array.from({ length: 25 }, (_, i) => `a ${i}`));
});

Deno.test("history: signs of life and pages of history are not kept", async () => {
  await using test = await setup();
  const a = test.join("a");
  a.say({ cmd: "_ping" });
  a.heard();
  a.say({ cmd: "_history" });
  await test.next(a);
  a.say({ cmd: "_history" });
  const cmds = messagesOf(await test.next(a)).map(({ cmd }) => cmd);
  assertEquals(cmds, ["_init", "_welcome", "joined", "_history", "_history"]);
});

Deno.test("history: a second question before the answer is refused, the first is answered", async () => {
  await using test = await setup();
  const a = test.join("a");
  a.say({ cmd: "_history", id: "1" });
  a.say({ cmd: "_history", id: "2" });
  const refusal = await test.next(a);
  assertEquals([refusal.cmd, refusal.re], ["_error", "2"]);
  const answer = await test.next(a);
  assertEquals([answer.cmd, answer.re], ["_history", "1"]);
});

Deno.test("history: a spy is told where the journal is: the two meet without gap or double", async () => {
  await using test = await setup();
  const a = test.join("a"), spy = test.join("spy");
  test.join("b");
  for (let i = 0; i < 5; i++) a.say({ cmd: "x", to: "b", i });
  spy.say({ cmd: "_spy", on: true, id: "s", only: { cmd: ["x"] } });
  for (let i = 5; i < 10; i++) a.say({ cmd: "x", to: "b", i });
  const [ok, ...live] = spy.heard();
  assertEquals(ok?.re, "s");
  spy.say({ cmd: "_history", through: Number(ok?.seq), only: { cmd: ["x"] } });
  const before = messagesOf(await test.next(spy));
  assertEquals([...before, ...live].map(({ i }) => i), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("history: a hub without a journal says so", () => {
  const hub = new Hub({ name: "test", clock: Date.now });
  const a = new MemoryConnection(hub.attach.bind(hub));
  a.say({ cmd: "_init", name: "a" });
  a.say({ cmd: "_history", id: "1" });
  const [, refusal] = a.heard();
  assertEquals([refusal?.code, refusal?.re], ["unknown-command", "1"]);
  assertMatch(String(refusal?.text), /no journal/);
});
