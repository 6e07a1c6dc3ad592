import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { NO_LOG } from "../log_contract.ts";
import { type Ledger, type LedgerOptions, openLedger } from "./ledger.ts";

async function temporaryFile(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "abcd-ledger-" });
  return {
    path: `${folder}/ledger.ndjson`,
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function linesOf(options: LedgerOptions): Promise<readonly string[]> {
  await using ledger = await openLedger(options);
  return ledger.recall();
}

function line(i: number): string {
  return JSON.stringify({ i, text: "x".repeat(20) });
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, k) => line(from + k));
}

/** A ledger that holds the last ten lines. */
function holdsTen(ledger: Ledger): (i: number) => void {
  const held: string[] = [...ledger.recall()];
  ledger.rewriteFrom(() => [...held], () => held.length * 40);
  return (i) => {
    held.push(line(i));
    if (held.length > 10) held.shift();
    ledger.append(line(i));
  };
}

Deno.test("ledger: what was appended is recalled", async () => {
  await using file = await temporaryFile();
  {
    await using ledger = await openLedger({ path: file.path, fsyncMs: 60_000 });
    assertEquals(ledger.recall(), []);
    await ledger.synced();
    for (const one of range(0, 3)) ledger.append(one);
    await ledger.synced();
    const written = (await Deno.readTextFile(file.path)).split("\n").slice(0, -1);
    assertEquals(written.map((one) => JSON.parse(one).i), [0, 1, 2]);
    ledger.append(line(3));
  }
  assertEquals(await linesOf({ path: file.path }), range(0, 4));
});

Deno.test("ledger: a last line torn at any byte is cut off, and nothing before it", async () => {
  await using file = await temporaryFile();
  {
    await using ledger = await openLedger({ path: file.path });
    for (const one of range(0, 3)) ledger.append(one);
  }
  const whole = await Deno.readFile(file.path);
  const last = whole.length - whole.lastIndexOf(10, whole.length - 2) - 1;
  for (let cut = 1; cut <= last; cut++) {
    await Deno.writeFile(file.path, whole.subarray(0, whole.length - cut));
    {
      await using ledger = await openLedger({ path: file.path });
      assertEquals(ledger.recall(), range(0, 2));
      ledger.append(line(7));
    }
    assertEquals(await linesOf({ path: file.path }), [...range(0, 2), line(7)]);
  }
});

Deno.test("ledger: a damaged line is left out and said, also if it is JSON; the file as it was is kept", async () => {
  await using file = await temporaryFile();
  {
    await using ledger = await openLedger({ path: file.path });
    for (const one of [...range(0, 2), '{"text":"é\u{1f600}"}']) ledger.append(one);
  }
  const whole = await Deno.readFile(file.path);
  const first = whole.indexOf(10);
  const damages: [number, number][] = [];
  // Each bit of the line's checksum and of its number, some of the rest.
  for (let at = 0; at < first; at += at < 40 ? 1 : 7) {
    for (let bit = 0; bit < 8; bit++) damages.push([at, 1 << bit]);
  }
  for (const [at, bits] of damages) {
    const bytes = whole.slice();
    bytes[at] = (bytes[at] ?? 0) ^ bits;
    if (bytes[at] === 10) continue; // two lines then; both are damaged
    await Deno.writeFile(file.path, bytes);
    const said: string[] = [];
    {
      const onAlarm = (state: string, words: string) => said.push(`${state}: ${words}`);
      await using ledger = await openLedger({ path: file.path, onAlarm });
      assertEquals(ledger.recall(), [line(1), '{"text":"é\u{1f600}"}'], `${at} ${bits}`);
    }
    assertMatch(said[0] ?? "", /^damaged: .*1 lines in it are damaged/);
    assertEquals(await Deno.readFile(`${file.path}.damaged`), bytes);
  }
  // Then it is written anew, and whole again.
  {
    await using ledger = await openLedger({ path: file.path });
    holdsTen(ledger)(2);
    await ledger.synced();
  }
  assertEquals(await linesOf({ path: file.path }), [line(1), '{"text":"é\u{1f600}"}', line(2)]);
});

Deno.test("ledger: is written anew when most of it holds no more, while it is appended to", async () => {
  await using file = await temporaryFile();
  {
    await using ledger = await openLedger({ path: file.path, fsyncMs: 0, slackBytes: 2000 });
    const add = holdsTen(ledger);
    let most = 0;
    for (let i = 0; i < 2000; i++) {
      add(i);
      if (i % 7 === 0) await ledger.synced();
      most = Math.max(most, ledger.stats().bytes);
    }
    assert(most < 5000, `${most} bytes`);
  }
  const lines = await linesOf({ path: file.path });
  assertEquals(lines.slice(-10), range(1990, 2000));
  // In order, none twice, none missing behind the first.
  const first = JSON.parse(lines[0] ?? "").i;
  assertEquals(lines, range(first, 2000));
});

Deno.test("ledger: while it cannot be written synced fails; then all that holds is there", async () => {
  await using file = await temporaryFile();
  const states: string[] = [];
  // A damaged file has to be written anew; and a folder in the place of the new one can be neither
  // written nor removed.
  await Deno.writeTextFile(file.path, "damaged\n");
  await Deno.mkdir(`${file.path}.new/x`, { recursive: true });
  const ledger = await openLedger({
    path: file.path,
    retryMs: 5,
    slackBytes: 0,
    onAlarm: (state) => states.push(state),
  });
  const add = holdsTen(ledger);
  for (let i = 0; i < 30; i++) add(i);
  await assertRejects(() => ledger.synced(), Error, "Cannot write the ledger");
  await assertRejects(() => ledger.synced(), Error, "Cannot write the ledger");
  assertMatch(ledger.stats().stopped ?? "", /Cannot write/);
  await Deno.remove(`${file.path}.new`, { recursive: true });
  add(30);
  while (ledger.stats().stopped !== undefined) await new Promise((go) => setTimeout(go, 5));
  await ledger.synced();
  assertEquals(states, ["damaged", "stopped", "resumed"]);
  await ledger[Symbol.asyncDispose]();
  assertEquals((await linesOf({ path: file.path })).slice(-10), range(21, 31));
});

Deno.test("ledger: that it cannot be written anew is no reason not to go on with the old file", async () => {
  await using file = await temporaryFile();
  const warnings: string[] = [];
  const log = { ...NO_LOG, warn: (text: string) => void warnings.push(text) };
  {
    await using ledger = await openLedger({ path: file.path, slackBytes: 500, log });
    const add = holdsTen(ledger);
    await Deno.mkdir(`${file.path}.new/x`, { recursive: true });
    for (let i = 0; i < 200; i++) {
      add(i);
      await ledger.synced();
    }
    assertEquals(ledger.stats().stopped, undefined);
    assert(warnings.length > 0 && warnings.length < 40, `said ${warnings.length} times`);
    assertMatch(warnings[0] ?? "", /Cannot write the ledger .* anew: .*tried again later/);
    await Deno.remove(`${file.path}.new`, { recursive: true });
    const before = ledger.stats().bytes;
    for (let i = 200; ledger.stats().bytes >= before; i++) {
      add(i);
      await ledger.synced();
      assert(i < 400, "it is never written anew");
    }
  }
  const lines = await linesOf({ path: file.path });
  assertEquals(lines, range(JSON.parse(lines[0] ?? "").i, JSON.parse(lines.at(-1) ?? "").i + 1));
});

Deno.test("ledger: while it is written anew the loop turns, and what is appended is safe as soon as ever", async () => {
  await using file = await temporaryFile();
  const LINES = 100_000;
  let turns = 0, over = false;
  const turning = (async () => {
    while (!over) {
      await new Promise((go) => setTimeout(go, 0));
      turns++;
    }
  })();
  let most = 0, since = 0, lastTurn = 0, begun = false, done = false;
  function* held(): Generator<string> {
    begun = true;
    for (let i = 0; i < LINES; i++) {
      if (turns !== lastTurn) since = 0;
      lastTurn = turns;
      most = Math.max(most, ++since);
      yield line(i);
    }
    done = true;
  }
  {
    await using ledger = await openLedger({ path: file.path, slackBytes: 0 });
    ledger.rewriteFrom(held, () => 1);
    for (let i = 0; !begun; i++) {
      ledger.append(line(LINES + i));
      await ledger.synced();
      assert(i < 100, "it is not written anew");
    }
    const before = ledger.stats().bytes;
    ledger.append('{"last":1}');
    await ledger.synced();
    assert(!done, "who waited had to wait for all of it");
    while (ledger.stats().bytes < before + LINES * 40) {
      await new Promise((go) => setTimeout(go, 1));
    }
  }
  over = true;
  await turning;
  // A slice is 5 % of them; a turn may come a little later than it could.
  assert(most < LINES / 4, `${most} lines without a turn`);
  const lines = await linesOf({ path: file.path });
  assertEquals(lines.slice(0, LINES), range(0, LINES));
  assertEquals(lines.at(-1), '{"last":1}');
});

Deno.test("ledger: what waits is bounded; what holds is written instead, and nothing of it is lost", async () => {
  await using file = await temporaryFile();
  {
    await using ledger = await openLedger({ path: file.path, bufferLength: 2000 });
    const add = holdsTen(ledger);
    for (let i = 0; i < 1000; i++) {
      add(i);
      assert(ledger.stats().waiting <= 2000);
    }
    await ledger.synced();
    assertEquals(ledger.stats().stopped, undefined);
    assert(ledger.stats().bytes < 3000, `${ledger.stats().bytes}`);
    for (let i = 1000; i < 1005; i++) add(i);
  }
  assertEquals(await linesOf({ path: file.path }), range(990, 1005));
});

Deno.test("ledger: a renewal to which too much is appended is given up, and tried again", async () => {
  await using file = await temporaryFile();
  {
    await using ledger = await openLedger({ path: file.path, slackBytes: 0, bufferLength: 2000 });
    const held = range(0, 20_000);
    let begun = 0;
    ledger.rewriteFrom(function* () {
      begun++;
      for (const one of [...held]) yield one;
    }, () => 1);
    for (let i = 0; begun === 0; i++) {
      ledger.append('{"before":1}');
      await ledger.synced();
      assert(i < 100, "it is not written anew");
    }
    for (let i = 0; i < 500; i++) {
      held.push(line(20_000 + i));
      ledger.append(line(20_000 + i));
    }
    await ledger.synced();
    assert(begun > 1, "it was not given up");
  }
  const lines = await linesOf({ path: file.path });
  assertEquals(lines.slice(0, 20_500), range(0, 20_500));
});
