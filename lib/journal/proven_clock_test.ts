import { assertEquals } from "@std/assert";
import { createProvenClock } from "./proven_clock.ts";

const MINUTE = 60_000;
const YEAR = 365 * 86_400_000;

/** A proven clock that takes an hour, asked each minute; `lead` is what the real one is set to. */
function clocks() {
  let steady = 5000;
  let lead = 0;
  const time = createProvenClock(() => steady + lead, () => steady, 60 * MINUTE);
  return {
    set: (to: number) => void (lead = to),
    /** Lets minutes pass; by how much it is ahead of the steady one then. */
    pass(minutes: number): number {
      let told = time();
      for (let i = 0; i < minutes; i++) {
        steady += MINUTE;
        told = time();
      }
      return told - steady;
    },
  };
}

Deno.test("proven clock: at first no time is proven", () => {
  const { pass } = clocks();
  assertEquals([pass(0), pass(59), pass(1)], [-Infinity, -Infinity, 0]);
});

Deno.test("proven clock: set ahead for a while it goes on as before, each time anew", () => {
  const { set, pass } = clocks();
  pass(60);
  for (let i = 0; i < 3; i++) {
    set(YEAR);
    assertEquals(pass(40), 0);
    set(0);
    assertEquals(pass(40), 0);
  }
});

Deno.test("proven clock: set ahead and left so it is believed in the end", () => {
  const { set, pass } = clocks();
  pass(60);
  set(YEAR);
  assertEquals([pass(59), pass(1)], [0, YEAR]);
});

Deno.test("proven clock: set back it is believed at once, and ahead again not", () => {
  const { set, pass } = clocks();
  pass(60);
  set(-YEAR);
  assertEquals(pass(1), -YEAR);
  set(0);
  assertEquals(pass(50), -YEAR);
});

Deno.test("proven clock: a clock that is put right bit by bit is followed", () => {
  const { set, pass } = clocks();
  pass(60);
  for (let i = 1; i <= 10; i++) {
    set(i * 2000);
    assertEquals(pass(1), i * 2000);
  }
});
