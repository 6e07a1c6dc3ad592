import { assertEquals } from "@std/assert";
import { RefusedError } from "../client.ts";
import { createLog } from "../log.ts";
import type { ClientEntry } from "../message.ts";
import { earlierControllers, namesake, whyRunElsewhere } from "./rival.ts";

const LAB = { name: "lab", controller: "run" };

function entry(name: string, since: number, info: object = {}): ClientEntry {
  const numbers = { lastSeen: since, received: 0, sent: 0, queued: 0, pauses: 0 };
  return {
    name,
    address: "10.0.0.2:40000",
    transport: "websocket",
    since,
    info: {
      program: "abcd run",
      experiment: "lab",
      controller: "run",
      pid: 7,
      host: "pc",
      ...info,
    },
    ...numbers,
  };
}

Deno.test("rivals: of two at the same moment one is first; others of the hub are none", () => {
  const all = [
    entry("run", 5),
    entry("run-2", 5),
    entry("run-3", 9),
    entry("other", 1, { experiment: "attic" }),
    entry("second", 1, { controller: "second" }),
    entry("spy", 1, { program: "abcd spy" }),
  ];
  const of = (own: string) => earlierControllers(all, LAB, own).map(({ name }) => name);
  assertEquals([of("run"), of("run-2"), of("run-3")], [[], ["run"], ["run", "run-2"]]);
});

Deno.test("rivals: another experiment's controller that wants the same name is a namesake, no rival", () => {
  const of = (...entries: ClientEntry[]) => namesake(entries, LAB)?.name;
  assertEquals(of(entry("run", 5), entry("run-2", 6)), undefined);
  assertEquals(of(entry("cold", 1, { experiment: "attic", controller: "cold" })), undefined);
  assertEquals(of(entry("spy", 1, { experiment: "attic", program: "abcd spy" })), undefined);
  assertEquals(of(entry("run", 5), entry("run-2", 6, { experiment: "attic" })), "run-2");
});

function whyNot(answer: () => Promise<never>): Promise<string | undefined> {
  const client = {
    name: "run-2",
    joined: true,
    clients: () => Promise.resolve([entry("run", 1), entry("run-2", 2)]),
    request: answer,
    addEventListener: () => () => {},
    subscribe: () => () => {},
  };
  return whyRunElsewhere(client, LAB, createLog({ name: "run", write() {} }));
}

Deno.test("rivals: one that has just left is none; one that may not be asked is there", async () => {
  const refuse = (code: string) => () => Promise.reject(new RefusedError(code, "no"));
  assertEquals(await whyNot(refuse("unknown-client")), undefined);
  assertEquals(
    (await whyNot(refuse("denied")))?.slice(0, 52),
    'Cannot control "lab": "run" (pid 7 on pc) does alrea',
  );
});
