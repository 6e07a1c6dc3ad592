import { assertEquals } from "@std/assert";
import { createMailbox, type Mailbox, WINDOW_BYTES, WINDOW_MESSAGES } from "./mailbox.ts";

function filled(count: number, bytes = 10, until = (_: number): number => 1000): Mailbox {
  const box = createMailbox("hv");
  for (let n = 1; n <= count; n++) {
    box.put({
      n,
      text: `{"n":${n}}`,
      bytes,
      until: until(n),
      from: "a",
      cmd: "x",
      id: undefined,
      again: undefined,
    });
  }
  return box;
}

function taken(box: Mailbox): number[] {
  const numbers: number[] = [];
  for (let mail = box.next(); mail !== undefined; mail = box.next()) numbers.push(mail.n);
  return numbers;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

Deno.test("mailbox: in order, a window at a time, the next when some are confirmed", () => {
  const box = filled(WINDOW_MESSAGES + 500);
  assertEquals(taken(box), range(1, WINDOW_MESSAGES));
  assertEquals(box.confirm(0), false);
  assertEquals(box.confirm(200), true);
  assertEquals(taken(box), range(WINDOW_MESSAGES + 1, WINDOW_MESSAGES + 200));
  assertEquals(box.confirm(WINDOW_MESSAGES + 200), true);
  assertEquals(taken(box), range(WINDOW_MESSAGES + 201, WINDOW_MESSAGES + 500));
  box.confirm(Infinity);
  assertEquals([box.size, box.bytes, [...box]], [0, 0, []]);
});

Deno.test("mailbox: the window is one of bytes, too, but one message always may go", () => {
  const box = filled(5, WINDOW_BYTES * 0.6);
  assertEquals(taken(box), [1]);
  box.confirm(1);
  assertEquals(taken(box), [2]);
  const large = filled(2, WINDOW_BYTES * 3);
  assertEquals(taken(large), [1]);
});

Deno.test("mailbox: for a new connection it begins with the first that is not confirmed", () => {
  const box = filled(10);
  assertEquals(taken(box), range(1, 10));
  box.confirm(3);
  box.rewind();
  assertEquals(taken(box), range(4, 10));
});

Deno.test("mailbox: a confirmation of what was not sent yet counts", () => {
  // The owner had it before the hub was killed and restarted.
  const box = filled(10);
  box.confirm(4);
  assertEquals(taken(box), range(5, 10));
});

Deno.test("mailbox: what is too old goes, unless it is on its way", () => {
  const box = filled(10, 10, (n) => n * 100);
  assertEquals(box.next()?.n, 1);
  assertEquals(box.expire(99), []);
  assertEquals(box.expire(400).map(({ n }) => n), [2, 3, 4]);
  assertEquals([box.size, box.bytes], [7, 70]);
  assertEquals(taken(box), range(5, 10));
  box.rewind();
  assertEquals(box.expire(500).map(({ n }) => n), [1, 5]);
  assertEquals(taken(box), range(6, 10));
});

Deno.test("mailbox: as it empties and fills for long, nothing is lost or doubled", () => {
  const box = createMailbox("hv");
  const got: number[] = [];
  let put = 0;
  for (let round = 0; round < 500; round++) {
    for (let i = 0; i < 37; i++) {
      const n = ++put * 2;
      box.put({
        n,
        text: "{}",
        bytes: 2,
        until: Infinity,
        from: "a",
        cmd: "x",
        id: undefined,
        again: undefined,
      });
    }
    got.push(...taken(box));
    box.confirm(Number(got.at(-1)) - (round % 3) * 20);
  }
  box.confirm(Infinity);
  assertEquals(got, range(1, put).map((n) => 2 * n));
  assertEquals([box.size, box.bytes], [0, 0]);
});
