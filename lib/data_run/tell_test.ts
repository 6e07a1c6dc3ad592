import { assertEquals } from "@std/assert";
import { readAnswer } from "./tell.ts";

Deno.test("an answer is yes, unless it says no in one of the ways in which programs say it", () => {
  const yes = { ok: true } as const;
  const no = (text: string) => ({ ok: false, text, silent: false }) as const;
  assertEquals(readAnswer({ cmd: "run-start" }), yes);
  assertEquals(readAnswer({ cmd: "ok", text: "at once" }), yes);
  assertEquals(readAnswer({ cmd: "run-start", ok: true }), yes);
  assertEquals(readAnswer({ cmd: "run-start", ok: false }), no("it says no"));
  assertEquals(readAnswer({ cmd: "run-start", ok: false, text: "lid open" }), no("lid open"));
  assertEquals(readAnswer({ cmd: "run-start", ok: false, reason: "lid" }), no("lid"));
  assertEquals(readAnswer({ cmd: "x", error: "disk full" }), no("disk full"));
  assertEquals(readAnswer({ cmd: "error", text: "Cannot" }), no("Cannot"));
  assertEquals(readAnswer({ cmd: "x", error: { code: 3 } }), no("it says no"));
});
