import { assertEquals, assertMatch } from "@std/assert";
import type { Client, Outgoing } from "../client.ts";
import { createLog } from "../log.ts";
import type { Message } from "../message.ts";
import { createHostLink } from "./host_link.ts";

/** A link to an agent behind a line on which each answer comes later than it is waited for. */
function slowLink() {
  const asked: Outgoing[] = [];
  const handlers = new Map<string, (message: Message) => void>();
  let ms = 0;
  const client = {
    joined: true,
    send() {},
    request(message: Outgoing) {
      asked.push(message);
      return Promise.reject(new DOMException("nobody answers", "TimeoutError"));
    },
    on(cmd: string, handler: (message: Message) => void) {
      handlers.set(cmd, handler);
      return () => {};
    },
    subscribe: () => () => {},
    addEventListener: () => () => {},
  } as unknown as Client;
  const link = createHostLink({
    host: "daq2",
    experiment: "lab",
    claim: "mark",
    client,
    presence: {
      known: true,
      has: () => true,
      said: () => undefined,
      refresh() {},
      [Symbol.dispose]() {},
    },
    log: createLog({ name: "run", write() {} }),
    disk: () => ({ folders: [], warnBytes: 0, criticalBytes: 0, periodSec: 30 }),
    alarm() {},
    now: () => ms,
  });
  return {
    link,
    asked,
    /** Ticks for so many seconds. */
    async pass(sec: number) {
      for (const end = ms + sec * 1000; ms < end;) {
        ms += 100;
        link.tick();
        await Promise.resolve();
        await Promise.resolve();
      }
    },
    answer: (re: unknown) =>
      handlers.get("host-claim")?.({
        cmd: "host-claim",
        from: "daq2",
        re: String(re),
        experiment: "lab",
        programs: [],
      }),
  };
}

Deno.test("host link: an answer that comes late is taken, and is not asked for again and again meanwhile", async () => {
  const slow = slowLink();
  using link = slow.link;
  await slow.pass(60);
  assertMatch(link.trouble ?? "", /does not answer/);
  assertEquals(slow.asked.length, 4, "at 0, 7, 21 and 49 s");
  // To the second question, when the fourth has been asked.
  slow.answer("of somebody else");
  assertMatch(link.trouble ?? "", /does not answer/);
  slow.answer(slow.asked[1]?.id);
  assertEquals(link.trouble, undefined);
  // The rest is old by then.
  await slow.pass(14);
  slow.answer(slow.asked[3]?.id);
  await slow.pass(2);
  assertMatch(link.trouble ?? "it is taken for there", /does not answer/, "silent for 15 s");
});
