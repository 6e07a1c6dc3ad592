import { assert, assertEquals, assertLess } from "@std/assert";
import { Outbox } from "./outbox.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A socket that takes what it is given when it is told to. */
function socket() {
  let text = "";
  const sizes: number[] = [];
  let taking = true;
  let go = Promise.withResolvers<void>();
  const outbox = new Outbox(async (bytes) => {
    // What a real one is given may be read later, too.
    if (!taking) await go.promise;
    text += decoder.decode(bytes);
    sizes.push(bytes.length);
    return bytes.length;
  }, (error) => {
    throw error;
  });
  return {
    outbox,
    sizes,
    get text() {
      return text;
    },
    stop() {
      taking = false;
      go = Promise.withResolvers();
    },
    go() {
      taking = true;
      go.resolve();
    },
  };
}

/** Lines in one piece of memory, which is good for one turn of the event loop. */
function lines(...all: string[]) {
  const bytes = encoder.encode(all.join(""));
  let end = 0;
  const places = all.map((line) => ({ begin: end, end: end += line.length }));
  return { bytes, places, spoil: () => bytes.fill(0x21) };
}

function put(outbox: Outbox, text: string): void {
  const chunk = outbox.reserve(text.length);
  chunk.bytes.set(encoder.encode(text), chunk.length);
  chunk.length += text.length;
}

/** Behind all microtasks. */
const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("outbox: what lies one behind the other and what is filled in keep their order", async () => {
  const sent = socket();
  const { bytes, places } = lines("a\n", "b\n", "c\n", "d\n");
  const [a, b, c, d] = places;
  assert(a && b && c && d);
  sent.outbox.add(bytes, a.begin, a.end);
  sent.outbox.add(bytes, b.begin, b.end);
  put(sent.outbox, "x\n");
  sent.outbox.add(bytes, d.begin, d.end); // does not follow on
  sent.outbox.add(bytes, c.begin, c.end);
  assertEquals(sent.outbox.queued, 10);
  await sent.outbox.drained();
  assertEquals(sent.text, "a\nb\nx\nd\nc\n");
  assertEquals(sent.sizes, [10], "one write");
  assertEquals(sent.outbox.queued, 0);
});

Deno.test("outbox: memory of others is not looked at any more once the turn is over", async () => {
  const it = socket();
  it.stop();
  put(it.outbox, "first\n");
  await nextTurn(); // it is being written now
  const { bytes, places, spoil } = lines("a\n", "b\n");
  for (const { begin, end } of places) it.outbox.add(bytes, begin, end);
  await nextTurn();
  spoil();
  it.go();
  await it.outbox.drained();
  assertEquals(it.text, "first\na\nb\n");
});

Deno.test("outbox: what is dropped is dropped whole", async () => {
  const it = socket();
  const line = "x".repeat(1023) + "\n";
  const { bytes, places } = lines(...Array.from({ length: 1000 }, () => line));
  it.stop();
  for (const { begin, end } of places) it.outbox.add(bytes, begin, end);
  assertEquals(it.outbox.queued, bytes.length);
  await nextTurn();
  const { begin, end } = places[0] ?? { begin: 0, end: 0 };
  it.outbox.add(bytes, begin, end);
  it.outbox.drop();
  put(it.outbox, "last words\n");
  it.go();
  await it.outbox.drained();
  const seen = it.text.split("\n");
  assertEquals(seen.slice(-2), ["last words", ""]);
  assertEquals(seen.slice(0, -2).every((one) => one.length === 1023), true);
  // What was being written, and no more.
  assertLess(it.text.length, 300 * 1024);
  assertEquals(it.outbox.queued, 0);
});

Deno.test("outbox: a line that is longer than a write goes out whole", async () => {
  const it = socket();
  const { bytes, places } = lines("a\n", "y".repeat(600_000) + "\n", "b\n");
  for (const { begin, end } of places) it.outbox.add(bytes, begin, end);
  await it.outbox.drained();
  assertEquals(it.text.length, bytes.length);
  assertEquals(it.text, decoder.decode(bytes));
});
