import { assertEquals } from "@std/assert";
import { secondsLeft } from "./timed_runs.ts";

Deno.test("secondsLeft: taken up in its time, behind it, and after the clock was set back by an hour", () => {
  assertEquals(secondsLeft(600, 1000, 1100), 500);
  assertEquals(secondsLeft(600, 1000, 5000), 0);
  assertEquals(secondsLeft(600, 10_000, 6400), 600);
});
