import { assertEquals } from "@std/assert";
import { createDayLines } from "./day_lines.ts";

Deno.test("day lines: at the top if it is not today, and where a day begins", () => {
  const at = (text: string) => Date.parse(text) / 1000;
  const moments = ["2026-11-22T23:00", "2026-11-22T23:59", "2026-11-24T00:00", "2026-11-24T03:00"];
  const lines = (now: string, some = moments) => some.map(at).map(createDayLines(at(now)));
  assertEquals(lines("2026-11-24T04:00"), [
    "--- 2026-11-22",
    undefined,
    "--- 2026-11-24",
    undefined,
  ]);
  assertEquals(lines("2026-11-24T04:00", moments.slice(2)), [undefined, undefined]);
});
