import { assert, assertEquals, assertRejects } from "@std/assert";
import { createGroupWriter } from "./group_writer.ts";

/** A writer of numbers whose writes end when the test says so. */
function setup() {
  const state = { appended: 0, synced: 0, writes: 0, stopped: undefined as string | undefined };
  let end = Promise.withResolvers<void>();
  const writer = createGroupWriter({
    async write() {
      state.writes++;
      const upTo = state.appended;
      await end.promise;
      end = Promise.withResolvers();
      if (state.stopped === undefined) state.synced = upTo;
    },
    synced: () => state.synced,
    stopped: () => state.stopped,
    pauseMs: () => state.appended > state.synced ? 1 : undefined,
    ackMs: 1,
    retryMs: 1,
  });
  /** Ends the write that is under way, once there is one. */
  async function endWrite(): Promise<void> {
    const before = state.writes;
    while (!writer.busy) await new Promise((go) => setTimeout(go, 1));
    assert(state.writes >= before);
    end.resolve();
    await writer.now();
  }
  return { state, writer, endWrite };
}

Deno.test("group writer: one write at a time; what comes meanwhile is in the next", async () => {
  const { state, writer, endWrite } = setup();
  state.appended = 1;
  writer.soon(60_000);
  const safe = writer.safe(1);
  while (!writer.busy) await new Promise((go) => setTimeout(go, 1));
  state.appended = 2;
  let second = false;
  const both = writer.safe(2).then(() => second = true);
  await endWrite();
  await safe;
  assertEquals([state.writes, second], [1, false]);
  await endWrite();
  await both;
  assertEquals([state.writes, state.synced], [2, 2]);
  await writer.safe(2);
  await writer.close();
});

Deno.test("group writer: who waits is told when it stopped, and it is tried again", async () => {
  const { state, writer, endWrite } = setup();
  state.appended = 1;
  const safe = writer.safe(1);
  state.stopped = "full";
  const failed = assertRejects(() => safe, Error, "full");
  await endWrite();
  await failed;
  await assertRejects(() => writer.safe(1), Error, "full");
  state.stopped = undefined;
  await endWrite();
  await writer.safe(1);
  state.appended = 2;
  const late = assertRejects(() => writer.safe(2), Error, "over");
  writer.giveUp(new Error("over"));
  await late;
  await endWrite();
  await writer.close();
  state.appended = 3;
  await assertRejects(() => writer.safe(3), Error, "closed");
});

Deno.test("group writer: while much waits writes go on beside a sync; who waits is told by a later one", async () => {
  const state = { appended: 1, written: 0, synced: 0, isMuch: true };
  const syncs: (() => void)[] = [];
  const writer = createGroupWriter({
    write() {
      state.written = state.appended;
      return Promise.resolve();
    },
    async sync() {
      const upTo = state.written;
      await new Promise<void>((done) => syncs.push(done));
      state.synced = upTo;
    },
    synced: () => state.synced,
    stopped: () => undefined,
    pauseMs: () => state.isMuch ? 0 : state.appended > state.written ? 1 : undefined,
    ackMs: 1,
    retryMs: 1,
  });
  const told: number[] = [];
  const first = writer.safe(1).then(() => told.push(1));
  while (syncs.length === 0) await new Promise((go) => setTimeout(go, 1));
  state.appended = 2;
  const second = writer.safe(2).then(() => told.push(2));
  while (state.written < 2) await new Promise((go) => setTimeout(go, 1));
  assertEquals([syncs.length, state.synced, told], [1, 0, []], "the first sync is still under way");
  state.isMuch = false;
  syncs.shift()?.();
  await first;
  assertEquals(told, [1]);
  while (syncs.length === 0) await new Promise((go) => setTimeout(go, 1));
  syncs.shift()?.();
  await second;
  const closed = writer.close();
  syncs.shift()?.();
  await closed;
  assertEquals([state.synced, told], [2, [1, 2]]);
});
