import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { csvLines, momentFrom } from "./history.ts";

Deno.test("history: a moment is so long ago, or a date", () => {
  assertEquals(momentFrom("since", "8h", 100_000), 100_000 - 8 * 3600);
  assertEquals(momentFrom("since", "1970-01-02T00:00:00Z", 0), 86400);
  assertThrows(() => momentFrom("since", "yesterday-ish", 0), UsageError, "--since");
});

Deno.test("history: CSV quotes what it must, and keeps fields that only later messages have", () => {
  const csv = csvLines();
  const lines = [
    { seq: 1, at: 5, message: { cmd: "m", from: "a", text: 'x,"y"', n: 1 } },
    { seq: 2, at: 6, message: { cmd: "m", from: "a", n: 2, extra: [3] } },
  ].map(csv).join("\n").split("\n");
  assertEquals(lines, [
    "seq,at,from,to,topic,cmd,text,n,more",
    '1,5,a,,,m,"x,""y""",1,',
    '2,6,a,,,m,,2,"{""extra"":[3]}"',
  ]);
});
