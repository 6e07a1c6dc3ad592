import { assertEquals, assertLess } from "@std/assert";
import { parseBytes, parseDuration, showBytes, showDuration, showSeconds } from "./units.ts";

Deno.test("units: lengths of time are read", () => {
  const cases: [string, number | undefined][] = [
    ["30", 30],
    ["0", 0],
    ["1.5s", 1.5],
    ["200ms", 0.2],
    ["5m", 300],
    ["8h", 28800],
    ["2d", 172800],
    ["1h30m", 5400],
    ["", undefined],
    ["m", undefined],
    ["-5", undefined],
    ["5 m", undefined],
    ["5x", undefined],
    ["1e3", undefined],
    ["9".repeat(400), undefined],
  ];
  for (const [text, seconds] of cases) assertEquals(parseDuration(text), seconds, text);
});

Deno.test("units: a long number that is none is refused at once", () => {
  const start = performance.now();
  assertEquals(parseDuration(`${"1".repeat(5000)}x`), undefined);
  assertLess(performance.now() - start, 1000);
});

Deno.test("units: lengths of time are shown in two units", () => {
  const cases: [number, string][] = [
    [-1, "0s"],
    [4.9, "4s"],
    [60, "1m00s"],
    [725, "12m05s"],
    [3599.9, "59m59s"],
    [12000, "3h20m"],
    [5 * 86400 + 7200, "5d02h"],
  ];
  for (const [seconds, text] of cases) assertEquals(showDuration(seconds), text);
});

Deno.test("units: amounts of data are read", () => {
  const cases: [string, number | undefined][] = [
    ["10485760", 10485760],
    ["64k", 65536],
    ["10M", 10485760],
    ["2G", 2 ** 31],
    ["16MiB", 2 ** 24],
    ["1.5K", 1536],
    ["5 GB", 5e9],
    ["200MB", 2e8],
    ["64 kB", 64000],
    ["100 B", 100],
    ["", undefined],
    ["-1", undefined],
    ["5T", undefined],
  ];
  for (const [text, bytes] of cases) assertEquals(parseBytes(text), bytes, text);
});

Deno.test("units: defaults in the largest unit that is exact", () => {
  assertEquals([0, 2, 30, 60, 90, 3600, 2592000].map(showSeconds), [
    "0 s",
    "2 s",
    "30 s",
    "1 min",
    "90 s",
    "1 h",
    "30 d",
  ]);
  assertEquals([0, 1000, 1024, 16 * 1024 ** 2, 2 * 1024 ** 3].map(showBytes), [
    "0 B",
    "1000 B",
    "1 KiB",
    "16 MiB",
    "2 GiB",
  ]);
});
