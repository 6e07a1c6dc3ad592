import { assert, assertEquals, assertMatch } from "@std/assert";
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

Deno.test("pace: looks that change files themselves leave everything else its turn", async () => {
  const starts = await Deno.makeTempDir({ prefix: "abcd-test-" });
  let looks = 0, ticks = 0;
  const over = Promise.withResolvers<void>();
  {
    using pace = createPace({
      starts,
      now: () => performance.now(),
      tick: () => ticks++,
      patienceMs: () => 1,
      measureMs: () => 1000,
      look() {
        if (++looks >= 100) return over.resolve();
        // As a program that ends as soon as it is started: work, and another file.
        const begin = performance.now();
        Deno.writeTextFileSync(`${starts}/a.${looks.toString(16)}.pid`, "1");
        while (performance.now() < begin + 3);
      },
      warn: (text) => over.reject(new Error(text)),
    });
    pace.start();
    Deno.writeTextFileSync(`${starts}/a.0.pid`, "1");
    await over.promise;
  }
  await Deno.remove(starts, { recursive: true });
  assert(ticks > 20, `${ticks} ticks`);
});
