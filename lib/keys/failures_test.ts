import { assertEquals } from "@std/assert";
import { createFailures } from "./failures.ts";

Deno.test("refusals wait longer and longer, address by address, and are forgotten", () => {
  const failures = createFailures(3);
  assertEquals([0, 1, 2, 3, 4, 5, 6, 7].map((at) => failures.add("a", at)), [
    0,
    0,
    0,
    1000,
    2000,
    4000,
    5000,
    5000,
  ]);
  assertEquals(failures.add("b", 8), 0);
  assertEquals(failures.of("a", 9), 8);
  assertEquals(failures.add("a", 11 * 60 * 1000), 0);
  assertEquals(failures.count, 10);
});

Deno.test("the table of failures has a bound", () => {
  const failures = createFailures(3);
  for (let i = 0; i < 5; i++) failures.add("a", i);
  for (let i = 0; i < 1000; i++) failures.add(`other ${i}`, 5);
  assertEquals(failures.of("a", 6), 0);
  assertEquals(failures.of("other 999", 6), 1);
});
