import { assertEquals } from "@std/assert";
import type { Order } from "./host_report.ts";
import { createOrderSender } from "./order_sender.ts";

Deno.test("order sender: nothing twice while it is not answered; what is new at once; what is not done again", async () => {
  let wanted: Order[] = [];
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const send = createOrderSender(() => wanted, (orders) => {
    asked.push(orders.map(({ name, what, order }) => `${what} ${name} ${order}`).join(", "));
    return new Promise((resolve) => answers.push(resolve));
  });
  const start: Order = { name: "p", what: "start", order: 1 };
  const other: Order = { name: "q", what: "stop", order: 2 };
  const stop: Order = { name: "p", what: "stop", order: 3 };
  const first = send();
  assertEquals(asked, []);
  await first;

  wanted = [start];
  const second = send();
  send();
  wanted = [start, other];
  const third = send();
  assertEquals(asked.splice(0), ["start p 1", "stop q 2"]);
  wanted = [stop, other];
  const fourth = send();
  assertEquals(asked.splice(0), ["stop p 3"]);
  // The answer to what was before says nothing of what is now.
  answers[0]?.();
  await second;
  send();
  assertEquals(asked.splice(0), []);
  answers[1]?.();
  answers[2]?.();
  await Promise.all([third, fourth]);
  send();
  assertEquals(asked, ["stop p 3, stop q 2"]);
});
