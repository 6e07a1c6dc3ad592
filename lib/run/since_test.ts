import { assertEquals } from "@std/assert";
import { createSince } from "./since.ts";

Deno.test("since: follows a clock that is set, also between two moments, and no drift", () => {
  let steady = 0;
  let lead = 1_700_000_000_000;
  const clock = () => steady + lead;
  const since = createSince(() => steady, clock);
  const age = () => clock() / 1000 - since.time;
  steady += 10_000;
  assertEquals(age(), 10);
  lead += 3_600_000;
  assertEquals(age(), 10);
  lead -= 7_200_000;
  steady += 5000;
  // Set before it was so: that is no news to it.
  since.time = clock() / 1000;
  steady += 7000;
  assertEquals(age(), 7);
  lead += 3_600_000;
  assertEquals(age(), 7);
  const { time } = since;
  lead += 100;
  assertEquals(since.time, time);
});
