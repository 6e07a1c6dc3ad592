import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./command.ts";
import { csvLines, queryFrom } from "./history.ts";

Deno.test("history: a stretch that ends before it begins is a mistake", () => {
  const none = { from: [], to: [], cmd: [], topic: [] };
  assertThrows(
    () => queryFrom({ ...none, since: "1h", until: "2h" }, 1795531810),
    UsageError,
    "Cannot look from --since, 2026-11-2",
  );
  const { since, until } = queryFrom({ ...none, since: "2h", until: "1h" }, 10_000);
  assertEquals([since, until], [2800, 6400]);
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
