import { assertEquals } from "@std/assert";
import { copyBytes } from "./bytes.ts";

Deno.test("bytes: every length comes whole to where it belongs, and nothing beside it changes", () => {
  const from = Uint8Array.from({ length: 2000 }, (_, i) => i * 7 + (i >> 8));
  for (let length = 0; length < 1200; length += length < 80 ? 1 : 97) {
    for (const begin of [0, 1, 3, 500]) {
      const into = new Uint8Array(2000).fill(0xaa);
      copyBytes(from, begin, begin + length, into, new DataView(into.buffer), 5);
      const wanted = new Uint8Array(2000).fill(0xaa);
      wanted.set(from.subarray(begin, begin + length), 5);
      assertEquals(into, wanted, `${length} bytes from ${begin}`);
    }
  }
});

Deno.test("bytes: what is a part of a buffer is copied from there, however many take turns", () => {
  const whole = Uint8Array.from({ length: 300 }, (_, i) => i);
  const into = new Uint8Array(40), view = new DataView(into.buffer);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 7; i++) {
      copyBytes(whole.subarray(i * 40), 1, 31, into, view, 2);
      assertEquals(into.subarray(2, 32), whole.subarray(i * 40 + 1, i * 40 + 31));
    }
  }
});
