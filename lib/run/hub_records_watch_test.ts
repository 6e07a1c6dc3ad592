import { assertEquals } from "@std/assert";
import type { Handler } from "../client.ts";
import { NO_LOG } from "../log_contract.ts";
import type { Message } from "../message.ts";
import { watchHubRecords } from "./hub_records_watch.ts";

const TROUBLE = { cmd: "alarm", from: "_hub", source: "journal", state: "stopped", text: "full" };

/** A hub that answers when it is told to, and the alarms that stand. */
function lab() {
  const standing = new Set<string>();
  const answer = Promise.withResolvers<Message>();
  let hear: Handler = () => {};
  const watch = watchHubRecords({
    client: {
      joined: true,
      request: () => answer.promise,
      subscribe(_topic, handler) {
        hear = handler;
        return () => {};
      },
      addEventListener: () => () => {},
    },
    alarms: {
      raise: (source) => void standing.add(source),
      clear: (source) => void standing.delete(source),
    },
    log: NO_LOG,
  });
  return {
    standing,
    hear: (message: Message) => hear(message),
    async answers(stats: object) {
      answer.resolve({ cmd: "_stats", ...stats });
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

Deno.test("hub's records: what was asked for tells of trouble that was there before", async () => {
  using it = lab();
  await it.answers({ journal: { stopped: "full" }, ledger: {} });
  assertEquals([...it.standing], ["hub's journal"]);
  it.hear({ ...TROUBLE, state: "resumed" });
  assertEquals(it.standing.size, 0);
});

Deno.test("hub's records: an answer that was on its way does not end an alarm that has come since", async () => {
  using it = lab();
  it.hear(TROUBLE);
  await it.answers({ journal: {}, ledger: { stopped: "full" } });
  assertEquals([...it.standing], ["hub's journal", "hub's ledger"]);
});
