import { assertEquals } from "@std/assert";
import { createLog } from "../log.ts";
import { createAlarms } from "../status/alarms.ts";
import type { RunDriver } from "./drive_run.ts";
import type { RunBook } from "./run_book.ts";
import type { RunRecord } from "./run_record.ts";
import { createTimedRuns, secondsLeft } from "./timed_runs.ts";

Deno.test("secondsLeft: taken up in its time, behind it, and after the clock was set back by an hour", () => {
  assertEquals(secondsLeft(600, 1000, 1100), 500);
  assertEquals(secondsLeft(600, 1000, 5000), 0);
  assertEquals(secondsLeft(600, 10_000, 6400), 600);
});

/** A series whose run 1 has just ended; the next is looked at until `settle` is called. */
function seriesAtItsNext() {
  const book = { record: { run: 1, forSec: 3600, repeat: true } as RunRecord | undefined };
  const driver = { machine: { phase: "running" } as { phase: string; run?: unknown } };
  const alarms = createAlarms(() => {});
  const asked = Promise.withResolvers<() => boolean>();
  const settle = Promise.withResolvers<void>();
  const timed = createTimedRuns({
    book: {
      get record() {
        return book.record;
      },
      change: (change) => void (book.record = { ...book.record, ...change } as RunRecord),
    } as RunBook,
    driver: driver as unknown as RunDriver,
    alarms,
    log: createLog({ name: "run", write() {} }),
    now: () => 0,
    isEnding: () => false,
    start(_by, _label, { isWanted }) {
      asked.resolve(isWanted);
      return settle.promise;
    },
  });
  timed.changed();
  driver.machine = { phase: "idle" };
  timed.changed();
  return { timed, book, driver, alarms, settle, asked: asked.promise };
}

Deno.test("a series that is stopped while its next run is looked at: none follows, and no alarm", async () => {
  const { timed, alarms, settle, asked } = seriesAtItsNext();
  using _ = timed;
  const isWanted = await asked;
  assertEquals(isWanted(), true);
  assertEquals(timed.cancel(), true);
  assertEquals(isWanted(), false);
  settle.reject(new Error("somebody has stopped the series"));
  await settle.promise.catch(() => {});
  await Promise.resolve();
  assertEquals(alarms.standing, []);
});

Deno.test("the alarm that no run follows stands until one runs, whoever started it", async () => {
  const { timed, book, driver, alarms, settle, asked } = seriesAtItsNext();
  using _ = timed;
  await asked;
  settle.reject(new Error("hv is not ready"));
  await settle.promise.catch(() => {});
  await Promise.resolve();
  assertEquals(alarms.standing.map(({ text }) => text), [
    "no run follows run 1 yet: hv is not ready; tried again in 30 s",
  ]);
  book.record = { run: 2 } as RunRecord;
  driver.machine = { phase: "starting", run: {} };
  timed.changed();
  assertEquals(alarms.standing.length, 1);
  driver.machine = { phase: "running", run: {} };
  timed.changed();
  assertEquals(alarms.standing, []);
});
