import { assert } from "@std/assert";
import { CHAMBER, pressureAt, readGauge } from "./pressure.ts";
import { seeded } from "./random.ts";

Deno.test("the pressure falls from air to the base pressure", () => {
  let last = Infinity;
  for (let seconds = 0; seconds < 1e6; seconds = seconds * 2 + 1) {
    const now = pressureAt(seconds);
    assert(now < last, `${now} mbar after ${seconds} s`);
    last = now;
  }
  assert(Math.abs(pressureAt(0) - 1013) < 0.01);
  assert(Math.abs(pressureAt(1e7) / CHAMBER.base - 1) < 0.01);
});

Deno.test("the gauge is noisy, and never below zero", () => {
  const random = seeded(5);
  for (let i = 0; i < 1000; i++) {
    const ratio = readGauge(1000, random) / pressureAt(1000);
    assert(ratio > 0.9 && ratio < 1.1, `${ratio}`);
  }
});
