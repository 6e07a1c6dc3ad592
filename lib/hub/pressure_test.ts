import { assert, assertEquals } from "@std/assert";
import { type Log, NO_LOG } from "../log.ts";
import { createPressure, newSource, type Source } from "./pressure.ts";
import { hubInMemory, MemoryJournal } from "../../tests/hub_lab.ts";

const MIB = 1024 * 1024;

/** A disk that writes when the test says so. */
class SlowDisk {
  bytes = 0;
  readonly limit = 64 * MIB;
  isStopped = false;
  #listener = () => {};

  onProgress(listener: () => void): void {
    this.#listener = listener;
  }

  /** Writes until so much is left. */
  write(left: number): void {
    this.bytes = Math.min(this.bytes, left);
    this.#listener();
  }
}

interface Named extends Source {
  readonly name: string;
}

function setup(log: Log = NO_LOG) {
  const disk = new SlowDisk();
  const time = { now: 0 };
  const pressure = createPressure<Named>({
    backlog: disk,
    clock: () => time.now,
    log,
    nameOf: ({ name }) => name,
  });
  const source = (name: string): Named => ({ ...newSource(), name });
  /** One read: whether the client is paused; if it is not, what it brought waits for the disk. */
  const bring = (from: Named, bytes: number) => {
    if (pressure.brought(from, bytes) !== undefined) return true;
    disk.bytes += bytes;
    return false;
  };
  return { disk, time, pressure, source, bring };
}

Deno.test("pressure: who brings most is paused at half of the buffer, until a quarter is left", async () => {
  const { disk, pressure, source, bring } = setup();
  const heavy = source("heavy"), modest = source("modest");
  let reads = 0;
  for (; !bring(heavy, 65536); reads++) if (reads % 10 === 0) assert(!bring(modest, 200));
  assert(Math.abs(disk.bytes - 32 * MIB) < 70_000, `${disk.bytes}`);
  assertEquals([heavy.pauses, modest.pauses], [1, 0]);
  let isRead = false;
  const opened = new Promise<void>((resolve) => {
    const { resume } = heavy;
    heavy.resume = () => (isRead = true, resume?.(), resolve());
  });
  disk.write(17 * MIB);
  assertEquals(isRead, false);
  assert(!bring(modest, 200));
  disk.write(16 * MIB);
  await opened;
  assertEquals(pressure.stats().paused, 0);
  assert(!bring(heavy, 65536));
});

Deno.test("pressure: many that bring the same are all paused; nothing is lost whatever they do", () => {
  const { disk, pressure, source, bring } = setup();
  const all = Array.from({ length: 200 }, (_, i) => source(`s${i}`));
  const modest = source("modest");
  const reading = new Set(all);
  while (reading.size > 0) {
    for (const one of reading) if (bring(one, 65536)) reading.delete(one);
    assert(disk.bytes < disk.limit, "it would be lost");
    if (modest.resume === undefined) bring(modest, 100);
  }
  // A new one each time: none of them is heavy, and there is an end to it all the same.
  let more = 0;
  for (; !bring(source(`new${more}`), 65536); more++) assert(disk.bytes < disk.limit);
  assertEquals(modest.pauses, 0);
  disk.write(0);
  assertEquals(pressure.stats().paused, 0);
  assertEquals(pressure.stats().pauses, 201);
});

Deno.test("pressure: what was brought long ago counts no more", () => {
  const { time, pressure, source, bring, disk } = setup();
  const morning = source("morning"), now = source("now");
  for (let i = 0; i < 400; i++) bring(morning, 65536);
  disk.write(0);
  for (let i = 0; i < 60; i++) pressure.tick(time.now += 1000);
  while (!bring(now, 65536)) assert(!bring(morning, 500));
  assertEquals([morning.pauses, now.pauses], [0, 1]);
});

Deno.test("pressure: a full disk, one that hangs, and a client that goes let all read on", () => {
  const lines: string[] = [];
  const log = { ...NO_LOG, error: (text: string) => void lines.push(text) };
  const { disk, time, pressure, source, bring } = setup(log);
  const heavy = source("heavy");
  const fill = () => {
    for (let i = 0; i < 2000; i++) if (bring(heavy, 65536)) return true;
    return false;
  };
  assert(fill());
  time.now += 1500;
  assertEquals(pressure.stats(), { pauses: 1, pausedSec: 1.5, paused: 1 });
  pressure.forget(heavy);
  assertEquals(pressure.stats(), { pauses: 1, pausedSec: 1.5, paused: 0 });

  assert(fill());
  disk.isStopped = true;
  disk.write(disk.bytes);
  assertEquals([pressure.stats().paused, heavy.resumed], [0, 1500]);
  assert(!fill(), "a full disk pauses nobody");
  disk.isStopped = false;

  assert(fill());
  for (let i = 0; i < 29; i++) pressure.tick(time.now += 1000);
  assertEquals(pressure.stats().paused, 1);
  for (let i = 0; i < 3; i++) pressure.tick(time.now += 1000);
  assertEquals(pressure.stats().paused, 0);
  assert(!fill(), "a disk that hangs pauses nobody");
  assertEquals(lines.length, 1);
  disk.write(disk.bytes);
  assert(fill(), "it writes again, and is slow");
});

Deno.test("pressure: silence that the hub itself has caused closes nobody, and costs nobody its name", () => {
  const disk = new SlowDisk();
  const journal = Object.assign(new MemoryJournal(), { backlog: disk });
  const { hub, time, join, connect } = hubInMemory({ journal, timeoutSec: 30, takeoverSec: 2 });
  const heavy = join("heavy"), quiet = join("quiet");
  disk.bytes = 40 * MIB;
  heavy.say({ cmd: "data", topic: "t", fill: "x".repeat(10_000) });
  assert(heavy.paused !== undefined);
  const rival = connect();
  rival.say({ cmd: "_init", name: "heavy" });
  const wait = (sec: number) => {
    for (let i = 0; i < sec; i++) {
      disk.write(disk.bytes);
      hub.tick(time.now += 1000);
    }
  };
  wait(29);
  assertEquals([heavy.ended, rival.ended], [undefined, undefined]);
  wait(2);
  assertEquals(heavy.ended, undefined);
  assert(quiet.ended !== undefined, "who is read has no excuse");
  assertEquals(hub.stats().paused, 1);
  disk.write(0);
  assertEquals(hub.stats().paused, 0);
  wait(1);
  assertEquals(heavy.ended, undefined, "it has a moment to answer");
  heavy.say({ cmd: "_pong" });
  assert(rival.heard().some(({ code }) => code === "name-taken"));
  wait(29);
  assertEquals(heavy.ended, undefined);
  wait(1);
  assert(heavy.ended !== undefined);
});
