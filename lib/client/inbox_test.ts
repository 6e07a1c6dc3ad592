import { assertEquals } from "@std/assert";
import type { Message } from "../message.ts";
import { createInbox } from "./inbox.ts";

function setup() {
  const confirmed: number[] = [];
  const inbox = createInbox((n) => confirmed.push(n));
  /** Takes it; its handlers are done unless it is kept. */
  const mail = (n: number, more: Partial<Message> = {}) => {
    const done = inbox.take({ cmd: "x", from: "a", ...more, _mail: n }, true);
    return { taken: done !== undefined, done: () => done?.() };
  };
  const flushed = () => {
    inbox.flush();
    return confirmed.splice(0);
  };
  return { inbox, mail, flushed };
}

Deno.test("inbox: mail is confirmed up to the first whose handlers are not done", () => {
  const { inbox, mail, flushed } = setup();
  inbox.joined("box");
  const [a, b, c] = [mail(3), mail(5), mail(9)];
  assertEquals(flushed(), []);
  b.done();
  assertEquals(flushed(), []);
  a.done();
  a.done();
  assertEquals(flushed(), [5]);
  c.done();
  assertEquals([flushed(), flushed()], [[9], []]);
});

Deno.test("inbox: mail that comes again is not taken, and confirmed again", () => {
  const { inbox, mail, flushed } = setup();
  inbox.joined("box");
  mail(3).done();
  const slow = mail(4);
  assertEquals(flushed(), [3]);
  inbox.joined("box");
  assertEquals(flushed(), [3]);
  assertEquals([mail(3).taken, mail(4).taken, mail(5).taken], [false, false, true]);
  assertEquals(flushed(), [3]);
  slow.done();
  assertEquals(flushed(), [4]);
  inbox.close();
});

Deno.test("inbox: another mailbox begins anew; what was done for the old one is not its", () => {
  const { inbox, mail, flushed } = setup();
  inbox.joined("box");
  const old = mail(100);
  inbox.joined("other");
  const first = mail(2);
  assertEquals(first.taken, true);
  old.done();
  assertEquals(flushed(), []);
  first.done();
  assertEquals(flushed(), [2]);
});

Deno.test("inbox: a message with ack that its sender sends again is taken once", () => {
  const { inbox, mail, flushed } = setup();
  inbox.joined("box");
  const again = { ack: true, id: "1", time: 1000 };
  mail(1, again).done();
  assertEquals(mail(2, again).taken, false);
  assertEquals(flushed(), [2]);
  assertEquals(mail(3, { ...again, from: "b" }).taken, true);
  assertEquals(mail(4, { id: "1" }).taken, true);
  // The sender was started anew, and counts from 1 again.
  assertEquals(mail(5, { ...again, time: 2000 }).taken, true);
  // Not mail: on a topic, or for a client that is not durable.
  const onTopic = { cmd: "x", from: "a", topic: "t", ack: true, id: "2", _mail: 1 };
  assertEquals(inbox.take(onTopic, false) !== undefined, true);
  assertEquals(inbox.take(onTopic, false), undefined);
});
