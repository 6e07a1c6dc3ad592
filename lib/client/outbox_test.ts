import { assertEquals, assertThrows } from "@std/assert";
import { BufferFullError } from "./errors.ts";
import type { HubSocket } from "./hub_socket.ts";
import { createOutbox } from "./outbox.ts";

function fakeSocket(bufferedAmount = 0) {
  const sent: string[] = [];
  const socket: HubSocket = {
    isOpen: true,
    bufferedAmount,
    send: (text) => void sent.push(text),
    close: () => Promise.resolve(),
  };
  return { socket, sent };
}

Deno.test("outbox: what is put in waits for the hub, behind what is told it first", () => {
  const wrote: string[] = [];
  const outbox = createOutbox(100, (id) => wrote.push(id));
  outbox.tell("nobody hears it");
  outbox.put("a", "1");
  outbox.put("b");
  assertEquals([outbox.isOpen, outbox.waiting, wrote], [false, 2, []]);

  const first = fakeSocket();
  outbox.joined(first.socket);
  outbox.tell("who I am");
  outbox.release();
  outbox.put("c", "2");
  assertEquals(first.sent, ["who I am", "a", "b", "c"]);
  assertEquals([outbox.isOpen, outbox.waiting, wrote], [true, 0, ["1", "2"]]);

  outbox.lost();
  outbox.put("d", "3");
  const second = fakeSocket();
  outbox.joined(second.socket);
  outbox.release();
  assertEquals([first.sent.length, second.sent, wrote], [4, ["d"], ["1", "2", "3"]]);
});

Deno.test("outbox: it holds so much and no more, for a hub that is away and for one that does not read", () => {
  const outbox = createOutbox(10, () => {});
  outbox.checkRoom(10);
  outbox.put("123456");
  outbox.checkRoom(4);
  assertThrows(() => outbox.checkRoom(5), BufferFullError, "6 bytes wait for the hub already");
  outbox.joined(fakeSocket().socket);
  outbox.release();
  outbox.checkRoom(10);
  outbox.joined(fakeSocket(9).socket);
  outbox.checkRoom(1);
  assertThrows(() => outbox.checkRoom(2), BufferFullError, "at most 10 may");
});
