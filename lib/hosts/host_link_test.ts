import { assertEquals, assertMatch } from "@std/assert";
import type { Client, Outgoing } from "../client.ts";
import { createLog } from "../log.ts";
import type { Message } from "../message.ts";
import { createHostLink } from "./host_link.ts";
import type { RemoteEnd } from "./host_link_contract.ts";
import type { Order } from "./host_report.ts";

/** A link to an agent that answers so; by itself each answer comes later than it is waited for. */
function slowLink(
  answerOf: (message: Outgoing) => Promise<Message> = () =>
    Promise.reject(new DOMException("nobody answers", "TimeoutError")),
) {
  const asked: Outgoing[] = [];
  const sent: string[] = [];
  const alarms: string[] = [];
  const handlers = new Map<string, (message: Message) => void>();
  let ms = 0;
  const hub = { answers: true, asked: 0 };
  const client = {
    joined: true,
    send: ({ cmd, programs }: Outgoing) => void sent.push(`${cmd} ${programs}`),
    request(message: Outgoing) {
      asked.push(message);
      return answerOf(message);
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
      get known() {
        return hub.answers;
      },
      has: () => true,
      said: () => undefined,
      refresh: () => void hub.asked++,
      [Symbol.dispose]() {},
    },
    log: createLog({ name: "run", write() {} }),
    disk: () => ({ folders: [], warnBytes: 0, criticalBytes: 0, periodSec: 30 }),
    alarm: ({ source, state }) => void alarms.push(`${source}: ${state}`),
    now: () => ms,
  });
  return {
    hub,
    link,
    asked,
    sent: () => sent.splice(0),
    alarms: () => alarms.splice(0),
    /** The agent says something, unasked or in answer. */
    say: (cmd: string, fields: Partial<Message>) =>
      handlers.get(cmd)?.({ experiment: "lab", from: "daq2", ...fields, cmd }),
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

/** A link to an agent that is there; what its only program is told of, and what it is to be told. */
async function linked() {
  const { link, asked, say, ...rest } = slowLink(() => Promise.resolve({ cmd: "x" }));
  const told: string[] = [];
  let order: Order | undefined;
  const end: RemoteEnd = {
    name: "p",
    get order() {
      return order;
    },
    reported: (report) => void told.push(report?.state ?? "unknown"),
    linkChanged: () => void told.push(link.trouble ?? "there"),
    refused: (text) => void told.push(`refused: ${text}`),
    ended: (verdicts) => void told.push(...verdicts.map(({ text }) => text)),
    lastEnd: 5,
  };
  link.add(end);
  const { pass } = rest;
  await pass(0.1);
  const claim = (fields: Partial<Message>) =>
    say("host-claim", { re: String(asked[0]?.id), ...fields });
  return {
    ...rest,
    link,
    say,
    claim,
    /** It is silent for long, and is asked anew. */
    async claimAgain(fields: Partial<Message>) {
      await pass(20);
      const last = asked.findLast(({ cmd }) => cmd === "agent-claim");
      say("host-claim", { re: String(last?.id), ...fields });
    },
    told: () => told.splice(0),
    set: (next: Order | undefined) => void (order = next),
    orders: () =>
      asked.splice(1).flatMap(({ cmd, orders }) =>
        cmd === "agent-order" && Array.isArray(orders)
          ? orders.map((one) => JSON.stringify(one))
          : []
      ),
  };
}

const report = (name: string, state: string, more: object = {}) => ({
  ...{ name, state, ready: false, since: 1, restarts: 0, order: 3 },
  ...more,
});

Deno.test("host link: all that the agent knows is told with its claim; an end that is news is asked for", async () => {
  const { claim, told, sent, link } = await linked();
  using _ = link;
  claim({ reports: [report("p", "running", { ended: 5 })] });
  assertEquals([told(), sent()], [["running"], []]);
  const other = await linked();
  using _other = other.link;
  other.claim({ reports: [report("p", "running", { ended: 6 })] });
  assertEquals([other.told(), other.sent()], [["running"], ["agent-why p"]]);
  const third = await linked();
  using _third = third.link;
  third.claim({ reports: [] });
  assertEquals(third.told(), ["unknown"]);
});

Deno.test("host link: what the agent knows nothing of, and what it refuses, is told to the program", async () => {
  const { claim, told, say, link } = await linked();
  using _ = link;
  say("host-order", { reports: [report("p", "running")] });
  assertEquals(told(), [], "it has not said yet whose it is");
  claim({ reports: [report("p", "running")] });
  told();
  say("host-order", { reports: [], unknown: ["p"] });
  assertEquals(told(), ["unknown"]);
  say("host-order", { reports: [report("p", "stopped")], refused: { p: "not allowed", q: 7 } });
  assertEquals(told(), ["stopped", "refused: not allowed"]);
  say("host-state", { experiment: "other", reports: [report("p", "fatal")] });
  assertEquals(told(), []);
});

Deno.test("host link: what runs there and nobody wants is stopped, once, and then forgotten", async () => {
  const { claim, say, orders, sent, link } = await linked();
  using _ = link;
  claim({ reports: [report("stray", "running"), report("old", "exited")] });
  assertEquals(sent(), ["agent-forget old"]);
  assertEquals(orders(), ['{"name":"stray","what":"stop","order":4}']);
  // It is answered, and takes its time.
  for (let i = 0; i < 5; i++) await Promise.resolve();
  say("host-state", { reports: [report("stray", "stopping", { order: 4 })] });
  assertEquals([orders(), sent()], [[], []]);
  say("host-state", { reports: [report("stray", "stopped", { order: 4 })] });
  assertEquals(sent(), ["agent-forget stray"]);
});

Deno.test("host link: an order is sent when the agent is there, and not while nothing has come of it", async () => {
  const { claim, orders, set, link } = await linked();
  using _ = link;
  const order = { name: "p", what: "stop", order: 9 } as const;
  set(order);
  link.send();
  assertEquals(orders(), []);
  claim({ reports: [] });
  link.send();
  assertEquals(orders(), [JSON.stringify(order)]);
});

Deno.test("host link: alarms of a host that it has no more are over", async () => {
  const { claim, claimAgain, say, alarms, link } = await linked();
  using _ = link;
  const alarm = { source: "disk /data", state: "warning", text: "full", since: 1 };
  claim({ reports: [], alarms: [alarm] });
  assertEquals(alarms(), ["disk /data: warning"]);
  say("host-alarm", { experiment: "other", alarm });
  assertEquals(alarms(), []);
  say("host-alarm", { alarm: { ...alarm, source: "disk /" } });
  assertEquals(alarms(), ["disk /: warning"]);
  await claimAgain({ reports: [], alarms: [{ ...alarm, state: "critical" }] });
  assertEquals(alarms(), ["disk /: over", "disk /data: critical"]);
});

Deno.test("host link: nobody but the host is believed", async () => {
  const { claim, say, told, link } = await linked();
  using _ = link;
  claim({ reports: [report("p", "running")] });
  told();
  for (const cmd of ["host-state", "host-order", "host-verdict", "host-why"]) {
    const verdict = { time: 9, text: "it is gone" };
    say(cmd, { from: "mallory", reports: [report("p", "fatal")], program: "p", verdict });
  }
  assertEquals(told(), []);
  say("host-verdict", { program: "p", verdict: { time: 9, text: "it is gone" } });
  assertEquals(told(), ["it is gone"]);
});

Deno.test("host link: a hub that is silent is not held against the host", async () => {
  const { claim, told, link, hub, pass } = await linked();
  using _ = link;
  claim({ reports: [report("p", "running")] });
  assertEquals(told(), ["running"]);
  await pass(9);
  assertEquals(hub.asked, 0);
  await pass(2);
  assertEquals(hub.asked > 0, true);
  hub.answers = false;
  await pass(15);
  hub.answers = true;
  await pass(5);
  assertEquals([told(), link.trouble], [[], undefined]);
  // The hub answers, and the host says nothing.
  await pass(11);
  assertEquals(told(), ["daq2 has been silent"]);
});

Deno.test("host link: what is ordered in one turn goes in one message", async () => {
  const { claim, link, set, orders, pass } = await linked();
  using _ = link;
  claim({ reports: [report("p", "running")] });
  set({ name: "p", what: "stop", order: 4 });
  link.send();
  set({ name: "p", what: "start", order: 5 });
  link.send();
  assertEquals(orders(), []);
  await pass(0.1);
  assertEquals(orders(), ['{"name":"p","what":"start","order":5}']);
});
