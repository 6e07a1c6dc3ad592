import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RefusedError } from "./errors.ts";
import { createDeliveries } from "./deliveries.ts";

Deno.test("deliveries: a receipt resolves, a refusal rejects, the rest goes out again in order", async () => {
  const deliveries = createDeliveries();
  const [one, two, three] = ["1", "2", "3"].map((id) => {
    const receipt = deliveries.add(id, `text ${id}`);
    deliveries.wrote(id);
    return receipt;
  });
  const four = deliveries.add("4", "text 4");
  assertEquals(deliveries.answered({ cmd: "_ok", re: "2", receivers: 1, mailbox: true }), true);
  assertEquals(await two, { receivers: 1, mailbox: true });
  assertEquals(deliveries.again(), ["text 1", "text 3"]);
  assertEquals(deliveries.answered({ cmd: "_ok", re: "2" }), false);
  assertEquals(deliveries.answered({ cmd: "x", re: "1" }), false);
  deliveries.answered({ cmd: "_error", re: "1", code: "mailbox-full", text: "full" });
  assertEquals(
    (await assertRejects(() => one ?? Promise.resolve(), RefusedError)).code,
    "mailbox-full",
  );
  assertEquals([deliveries.size, deliveries.length], [2, 12]);
  const done = deliveries.done();
  deliveries.giveUp("3", new Error("late"));
  await assertRejects(() => three ?? Promise.resolve(), Error, "late");
  deliveries.answered({ cmd: "_ok", re: "4" });
  assertEquals(await four, { receivers: 0, mailbox: false });
  await done;
  await deliveries.done();
});

Deno.test("deliveries: an id is on its way once", () => {
  const deliveries = createDeliveries();
  deliveries.add("1", "text").catch(() => {});
  assertThrows(() => deliveries.add("1", "other"), Error, 'the id "1" is on its way');
  deliveries.giveUpAll(new Error("over"));
});
