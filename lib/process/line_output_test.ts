import { assertEquals } from "@std/assert";
import { createLineOutput } from "./line_output.ts";

/** A reader that takes at most so many bytes each time it is told to. */
function reader() {
  const decoder = new TextDecoder();
  let take: ((most: number) => void) | undefined;
  const got = { text: "", asked: 0 };
  return {
    got,
    write(bytes: Uint8Array): Promise<number> {
      got.asked++;
      return new Promise((resolve) => {
        take = (most) => {
          const count = Math.min(most, bytes.length);
          got.text += decoder.decode(bytes.subarray(0, count));
          resolve(count);
        };
      });
    },
    async takes(most = Infinity): Promise<void> {
      take?.(most);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
  };
}

const nobody = (count: number) => {
  throw new Error(`${count} lines are missing`);
};

Deno.test("line output: what waits is written in order, in pieces as the reader takes them", async () => {
  const { got, write, takes } = reader();
  const output = createLineOutput({ write, missed: nobody });
  output.write("one");
  output.write("two");
  output.write("three");
  assertEquals(got.text, "");
  await takes(2);
  await takes();
  await takes(5);
  await takes();
  assertEquals(got.text, "one\ntwo\nthree\n");
  assertEquals(got.asked, 4);
  await output.written();
});

Deno.test("line output: what there is no room for is counted, and said where it is missing", async () => {
  const { got, write, takes } = reader();
  let time = 5000;
  const output = createLineOutput({
    write,
    mostWaiting: 21,
    now: () => time++,
    missed: (count, since) => output.write(`${count} at ${since}`),
  });
  for (const n of [1, 2, 3, 4]) output.write(`line ${n}`);
  output.write("y");
  await takes(); // the first, which was being written
  assertEquals(got.text, "line 1\n");
  output.write("z"); // there were room for it, but not in order
  await takes();
  output.write("late");
  await takes();
  await takes();
  assertEquals(got.text, "line 1\nline 2\nline 3\n3 at 5000\nlate\n");
  output.write("again");
  await takes();
  assertEquals(got.text.endsWith("late\nagain\n"), true, got.text);
});

Deno.test("line output: a reader that is gone is no error, nor is one that takes nothing", async () => {
  const gone = createLineOutput({
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
    missed: nobody,
  });
  for (let i = 0; i < 3; i++) {
    gone.write("line");
    await gone.written();
  }
  const stuck = createLineOutput({ write: () => new Promise(() => {}), missed: nobody });
  stuck.write("line");
  await stuck.written();
});

Deno.test("line output: it is full from half of what may wait on, until that is written", async () => {
  const { write, takes } = reader();
  const output = createLineOutput({ write, mostWaiting: 20, missed: nobody });
  assertEquals(output.isFull, false);
  output.write("five");
  assertEquals(output.isFull, false);
  output.write("and five");
  assertEquals(output.isFull, true);
  let hasRoom = false;
  output.hasRoom().then(() => hasRoom = true);
  await takes();
  await takes();
  assertEquals([output.isFull, hasRoom], [false, true]);
});

Deno.test("line output: the end waits for a reader that is slow, such as a serial line", async () => {
  let text = "";
  const decoder = new TextDecoder();
  // As a blocking write is: it ends when all is taken, here 400 bytes a millisecond.
  const output = createLineOutput({
    async write(bytes) {
      await new Promise((resolve) => setTimeout(resolve, bytes.length / 400));
      text += decoder.decode(bytes, { stream: true });
      return bytes.length;
    },
    missed: nobody,
  });
  const line = "x".repeat(40_000);
  output.write(line);
  output.write("the last");
  // Less than all of it takes, and more than a part.
  await output.written(80);
  assertEquals(text, `${line}\nthe last\n`);
});
