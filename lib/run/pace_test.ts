import { assertEquals, assertMatch } from "@std/assert";
import { createPace } from "./pace.ts";

Deno.test("pace: where files cannot be followed that is told, and each second is looked at all the same", async () => {
  const warnings: string[] = [];
  const polls = Promise.withResolvers<void>();
  let ticks = 0;
  // What the kernel refuses, as with no inotify instance left, is as a folder that is not there.
  using pace = createPace({
    starts: "/no/such/folder",
    now: () => performance.now(),
    tick: () => ++ticks > 2 && polls.resolve(),
    patienceMs: () => 1,
    measureMs: () => 1000,
    look: () => {},
    warn: (text) => warnings.push(text),
  });
  pace.start();
  await polls.promise;
  assertEquals(warnings.length, 1);
  assertMatch(
    warnings[0] ?? "",
    /^Cannot follow the files in \/no\/such\/folder: .*looked at each/,
  );
});
