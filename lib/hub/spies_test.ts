import { assertEquals } from "@std/assert";
import { MemoryConnection } from "../transport/memory.ts";
import { type Client, newClient } from "./client.ts";
import { Spies } from "./spies.ts";

const NOBODY = { scanned() {}, received() {}, garbled() {}, read: () => undefined, closed() {} };
const LINE = new Uint8Array(1);

Deno.test("spies: each sees what passes its filter, unless it was sent it", () => {
  const given: Client[] = [];
  const spies = new Spies((client) => given.push(client));
  const [all, some, receiver] = [1, 2, 3].map(() =>
    newClient(new MemoryConnection(() => NOBODY), 0)
  ) as [Client, Client, Client];
  spies.add(all, undefined);
  spies.add(some, { cmd: ["x"] });
  spies.add(receiver, undefined);
  receiver.lastDelivery = 7;
  spies.show({ cmd: "y" }, 7, LINE, 0, 1);
  assertEquals(given, [all]);
  spies.show({ cmd: "x" }, 8, LINE, 0, 1);
  assertEquals(given, [all, all, some, receiver]);
  spies.add(all, { cmd: ["z"] });
  spies.remove(some);
  spies.show({ cmd: "x" }, 9, LINE, 0, 1);
  assertEquals([given.length, spies.size], [5, 2]);
});
