import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { momentFrom } from "./moment.ts";

const at = (text: string) => Date.parse(text) / 1000;

Deno.test("moment: so long ago, or a date, which without a zone is the time here", () => {
  assertEquals(momentFrom("since", "8h", 100_000), 100_000 - 8 * 3600);
  assertEquals(momentFrom("since", "1970-01-02T00:00:00Z", 0), 86400);
  assertEquals(momentFrom("since", "2026-11-24T03:00", 0), at("2026-11-24T03:00"));
  assertEquals(momentFrom("since", "2026-11-24 03:00", 0), at("2026-11-24T03:00"));
  // A day alone begins at midnight here, not in Greenwich.
  assertEquals(momentFrom("since", "2026-11-24", 0), new Date(2026, 10, 24).getTime() / 1000);
});

Deno.test("moment: a time of day is the last one", () => {
  const now = at("2026-11-24T04:10");
  assertEquals(momentFrom("since", "03:00", now), at("2026-11-24T03:00"));
  assertEquals(momentFrom("since", "4:10:00", now), now);
  assertEquals(momentFrom("since", "23:59:30", now), at("2026-11-23T23:59:30"));
});

Deno.test("moment: a large number is a Unix time, as tables have it", () => {
  assertEquals(momentFrom("since", "1795531810.28", 1795540000), 1795531810.28);
  assertEquals(momentFrom("since", "90", 100_000), 100_000 - 90);
});

Deno.test("moment: what could be taken for another is refused", () => {
  for (
    const text of ["yesterday-ish", "2026-11-31", "2026-02-29", "2026-13-01", "24:00", "3:60"]
      // Read as in the USA it would be another day.
      .concat("11/12/2026", "2026-11-24Tsoon", "")
  ) {
    assertThrows(() => momentFrom("since", text, at("2026-11-24T04:10")), UsageError, "--since");
  }
});
