import { assertEquals } from "@std/assert";
import { createAwakeClock } from "./awake_clock.ts";

Deno.test("awake clock: time is counted that it is looked at, and of an absence no more than a moment", () => {
  let steady = 1000;
  const now = createAwakeClock(() => steady);
  const after = (ms: number) => {
    steady += ms;
    return now();
  };
  assertEquals([0, 100, 1000, 1400].map(after), [1000, 1100, 2100, 3500]);
  assertEquals(after(40_000), 5000);
  assertEquals([0, 500].map(after), [5000, 5500]);
});
