import { assert, assertEquals } from "@std/assert";
import { ASK, createPacedLine, takeAnswers } from "./paced_line.ts";

/** A terminal that answers when it is told to, and a clock. */
function setting() {
  const seen = { now: 0, written: [] as string[], freed: 0 };
  const line = createPacedLine({
    write: (text) => void seen.written.push(text),
    asks: true,
    freed: () => void seen.freed++,
    failed: () => {},
    now: () => seen.now,
  });
  /** Puts a text, whose answer comes after so long. */
  function put(characters: number, ms: number, isPart = false): void {
    line.put("x".repeat(characters), isPart);
    assertEquals(line.isFree, false);
    seen.now += ms;
    line.answered();
    assertEquals(line.isFree, true);
  }
  return { line, seen, put };
}

Deno.test("paced line: nothing more is sent before the terminal has shown what it has", () => {
  const { line, seen } = setting();
  assertEquals([line.isFree, line.most], [true, Infinity]);
  line.put("hello");
  assertEquals([seen.written, line.isFree, seen.freed], [[`hello${ASK}`], false, 0]);
  line.answered();
  assertEquals([line.isFree, seen.freed], [true, 1]);
  line.answered(); // nobody has asked
  assertEquals([line.isFree, seen.freed], [true, 1]);
});

Deno.test("paced line: parts are what a slow line shows in half a second, and grow where it is quick", () => {
  const { line, put } = setting();
  put(20, 30);
  const first = line.most;
  put(first, 300, true);
  assertEquals(line.most, 2 * first);
  put(2 * first, 6000, true);
  assertEquals(Math.round(line.most), Math.round(2 * first * 500 / 6000));
  // One that was whole says nothing of how much more there were room for.
  put(10, 30);
  assertEquals(Math.round(line.most), Math.round(2 * first * 500 / 6000));
  put(100, 60_000);
  assert(line.most >= 100, `${line.most}`);
});

Deno.test("paced line: a terminal that does not answer is asked once, and believed when it does", async () => {
  const { line, seen } = setting();
  line.put("a");
  await line.settled(); // its time is over before
  line.forget();
  const freed = Promise.withResolvers<void>();
  const silent = createPacedLine({
    write: (text) => void seen.written.push(text),
    asks: true,
    freed: freed.resolve,
    failed: () => {},
  });
  silent.put("b");
  await freed.promise;
  silent.put("c");
  assertEquals([silent.isFree, silent.most, seen.written.at(-1)], [true, Infinity, "c"]);
  silent.answered();
  silent.put("d");
  assertEquals([silent.isFree, seen.written.at(-1)], [false, `d${ASK}`]);
  silent.putLast("end");
  assertEquals([await silent.settled(), seen.written.at(-1)], [true, "end"]);
});

Deno.test("paced line: answers are taken out of what was typed", () => {
  assertEquals(takeAnswers("j\x1b[0n\x1b[A\x1b[3nq"), { text: "j\x1b[Aq", answers: 2 });
  assertEquals(takeAnswers("jq"), { text: "jq", answers: 0 });
});
