import { assertEquals } from "@std/assert";
import { HOLD_MS, refuseClaim } from "./agent_claim.ts";

const holder = { claim: "a", name: "run", host: "daq1", pid: 4711 };

Deno.test("claims: nobody's, one's own, also after a restart", () => {
  assertEquals(refuseClaim(undefined, "b", undefined), undefined);
  assertEquals(refuseClaim(holder, "a", undefined), undefined);
  assertEquals(refuseClaim(holder, "a", 5), undefined);
});

Deno.test("claims: another's is refused with its name, until it has been away for long", () => {
  assertEquals(refuseClaim(holder, "b", undefined), "run (pid 4711 on daq1)");
  assertEquals(
    refuseClaim(holder, "b", HOLD_MS - 1500),
    "run (pid 4711 on daq1), which is away; it is free in 2 s",
  );
  assertEquals(refuseClaim(holder, "b", HOLD_MS), undefined);
});
