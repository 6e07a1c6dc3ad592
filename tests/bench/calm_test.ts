import { assertEquals } from "@std/assert";
import { createCalm } from "./calm.ts";

/** Measures whose `n`th takes a second in which so much is stolen. */
function disturbed(...cores: readonly number[]) {
  let stolen = 0, now = 0, n = 0;
  const calm = createCalm(() => stolen, () => now);
  const measure = () => {
    stolen += cores[n] ?? NaN;
    now += 1000;
    return Promise.resolve(++n);
  };
  return { calm, measure };
}

Deno.test("calm: what was disturbed is measured again, and the calmest counts", async () => {
  const { calm, measure } = disturbed(0.01, 0.3, 0, 0.4, 0.2, 0.3);
  assertEquals(await calm.take(measure), 1);
  assertEquals(await calm.take(measure), 3);
  assertEquals(await calm.take(measure), 5, "none of three was calm");
  assertEquals(calm.repeated, 2);
  assertEquals(calm.stolen.map((cores) => Math.round(cores * 100)), [1, 0, 20]);
});
