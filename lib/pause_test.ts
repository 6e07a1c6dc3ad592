import { assert } from "@std/assert";
import { pause } from "./pause.ts";

Deno.test("a pause lasts as long as asked, or until the signal", async () => {
  const begun = performance.now();
  await pause(30, new AbortController().signal);
  assert(performance.now() - begun >= 29);
  const cut = new AbortController();
  let isOver = false;
  const waits = pause(1e12, cut.signal).then(() => isOver = true);
  await pause(10, new AbortController().signal);
  assert(!isOver, "a pause longer than a timer can be is over at once");
  cut.abort();
  await waits;
  await pause(3_600_000, cut.signal);
});
