import { assertEquals } from "@std/assert";
import { createKnown, MAX_SENDERS, MAX_UNSAFE } from "./known.ts";

Deno.test("known: all that a sender may send again, whatever others send meanwhile", () => {
  const isKnown = createKnown();
  for (let i = 0; i < MAX_UNSAFE * 2.5; i++) assertEquals(isKnown("a", `${i}`), false);
  for (let i = 0; i < MAX_UNSAFE * 3; i++) isKnown("b", `${i}`);
  for (let i = MAX_UNSAFE * 1.5; i < MAX_UNSAFE * 2.5; i++) {
    assertEquals(isKnown("a", `${i}`), true);
  }
  assertEquals(isKnown("a", "0"), false);
});

Deno.test("known: of too many senders, those that were not heard for longest are forgotten", () => {
  const isKnown = createKnown();
  for (let i = 0; i < MAX_SENDERS; i++) isKnown(`s${i}`, "1");
  assertEquals(isKnown("s0", "1"), true);
  isKnown("new", "1");
  assertEquals([isKnown("s0", "1"), isKnown("new", "1"), isKnown("s2", "1")], [true, true, true]);
  assertEquals(isKnown("s1", "1"), false);
});
