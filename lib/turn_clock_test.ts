import { assertEquals } from "@std/assert";
import { createTurnClock } from "./turn_clock.ts";

Deno.test("turn clock: one time for what happens together, the next one afterwards", async () => {
  let now = 0;
  const clock = createTurnClock(() => ++now);
  assertEquals([clock(), clock()], [1, 1]);
  await Promise.resolve();
  assertEquals([clock(), clock()], [2, 2]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(clock(), 3);
});
