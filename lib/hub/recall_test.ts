// The ledger is written anew bit by bit while mail comes and goes: what a hub recalls from it is what one
// recalls that has every line.

import { assert, assertEquals } from "@std/assert";
import { hubInMemory, MemoryLedger } from "../../tests/hub_lab.ts";
import { seeded } from "../sim/random.ts";
import type { Message } from "../message.ts";
import type { MemoryConnection } from "../transport/memory.ts";

const NAMES = ["a", "b", "c", "d"];
const TOPICS = ["t/1", "t/2", "t/3", "t/4", "t/5"];

/** All mail that waits for a name, with its numbers. */
function takeMail(client: MemoryConnection): Message[] {
  const all: Message[] = [];
  for (;;) {
    const mail = client.heard().filter(({ _mail }) => _mail !== undefined);
    if (mail.length === 0) return all;
    all.push(...mail);
    client.say({ cmd: "_got", _mail: mail.at(-1)?._mail });
  }
}

/** What a hub that begins with these lines has to give. */
function recalled(lines: readonly string[]) {
  const { come, join } = hubInMemory({ ledger: new MemoryLedger(lines) });
  const asker = join("asker");
  asker.say({ cmd: "_mailboxes", id: "m" });
  const boxes = asker.heard().find(({ re }) => re === "m")?.mailboxes;
  const late = join("late");
  late.say({ cmd: "_subscribe", topics: ["#"] });
  const values = late.heard().filter(({ retained }) => retained).map(({ topic, i }) => [topic, i]);
  const mail = NAMES.map((name) =>
    takeMail(come(name, { durable: true })).map(({ _mail, i }) => [_mail, i])
  );
  return { boxes, values, mail };
}

Deno.test("recall: whatever happens while the ledger is written anew, the new one holds the same", () => {
  const random = seeded(20261124);
  const below = (n: number) => Math.floor(random() * n);
  const oneOf = <T>(all: readonly T[]) => all[below(all.length)] as T;
  let renewals = 0, meanwhile = 0;
  for (let round = 0; round < 60; round++) {
    const ledger = new MemoryLedger();
    const { join, come } = hubInMemory({ ledger });
    const sender = join("sender");
    const here = new Map<string, MemoryConnection>();
    let i = 0;
    const actions: readonly (() => void)[] = [
      ...Array(6).fill(() => sender.say({ cmd: "x", to: oneOf(NAMES), i: ++i })),
      ...Array(2).fill(() => sender.say({ cmd: "v", topic: oneOf(TOPICS), i: ++i, retain: true })),
      () => sender.say({ cmd: "_forget", topics: [oneOf(TOPICS)] }),
      () => sender.say({ cmd: "_close_mailbox", name: oneOf(NAMES) }),
      () => {
        const name = oneOf(NAMES);
        if (!here.has(name)) here.set(name, come(name, { durable: true }));
      },
      () => {
        const name = oneOf(NAMES);
        here.get(name)?.close("gone");
        here.delete(name);
      },
      ...Array(3).fill(() => {
        for (const client of here.values()) {
          const mail = client.heard().filter(({ _mail }) => _mail !== undefined);
          const upTo = mail[below(mail.length + 1)]?._mail;
          if (upTo !== undefined) client.say({ cmd: "_got", _mail: upTo });
        }
      }),
    ];
    let slices: Iterator<string> | undefined;
    let begun = 0;
    const anew: string[] = [];
    for (let step = 0; step < 400; step++) {
      oneOf(actions)();
      sender.heard();
      if (slices === undefined) {
        if (step < 50 || below(20) > 0) continue;
        slices = ledger.slices();
        begun = ledger.lines.length;
        anew.length = 0;
      }
      for (let n = below(6); n > 0; n--) {
        const { value, done } = slices.next();
        if (done !== true) {
          anew.push(value);
          continue;
        }
        slices = undefined;
        renewals++;
        meanwhile += ledger.lines.length - begun;
        assertEquals(
          recalled([...anew, ...ledger.lines.slice(begun)]),
          recalled(ledger.lines),
          `round ${round}, step ${step}`,
        );
        break;
      }
    }
  }
  assert(renewals > 100 && meanwhile > 500, `${renewals} renewals, ${meanwhile} lines meanwhile`);
});
