import { assert, assertEquals } from "@std/assert";
import { countMuons, TELESCOPE } from "./muon.ts";
import { seeded } from "./random.ts";

Deno.test("the telescope counts what the sky and the dark give, within their statistics", () => {
  const seconds = 20_000;
  const { singles, coincidences } = countMuons(seconds, seeded(11));
  for (const count of singles) {
    const expected = (TELESCOPE.muons + TELESCOPE.dark) * seconds;
    assert(Math.abs(count - expected) < 5 * Math.sqrt(expected), `${count} of ${expected}`);
  }
  const expected = TELESCOPE.muons * TELESCOPE.both * seconds;
  assert(Math.abs(coincidences - expected) < 5 * Math.sqrt(expected) + 100, `${coincidences}`);
});

Deno.test("a muon through both is a count of each", () => {
  const random = seeded(3);
  const still = { ...TELESCOPE, both: 1, dark: 0, window: 0 };
  for (let i = 0; i < 100; i++) {
    const { singles: [top, bottom], coincidences } = countMuons(1, random, still);
    assertEquals([top, bottom], [coincidences, coincidences]);
  }
});
