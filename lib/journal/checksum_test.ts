import { assert, assertEquals } from "@std/assert";
import { seeded } from "../sim/random.ts";
import { checksumOf, createChecksum } from "./checksum.ts";

const pick = seeded(1);
const bytes = Uint8Array.from({ length: 300 }, () => pick() * 256);

Deno.test("checksum: it does not matter in which pieces bytes come", () => {
  const whole = checksumOf(bytes);
  for (let i = 0; i < 2000; i++) {
    const sum = createChecksum();
    for (let at = 0; at < bytes.length;) {
      const next = at + Math.floor(pick() * pick() * 70);
      sum.update(bytes.subarray(at, next));
      at = Math.min(next, bytes.length);
    }
    assertEquals(sum.value(), whole);
  }
});

Deno.test("checksum: every changed bit, byte, swap and length changes it", () => {
  for (const length of [0, 1, 3, 4, 15, 16, 17, 47, 300]) {
    const some = bytes.slice(0, length);
    const seen = new Set([checksumOf(some)]);
    let count = 1;
    const changed = (one: Uint8Array) => {
      seen.add(checksumOf(one));
      count++;
    };
    for (let i = 0; i < 8 * length; i++) {
      const one = some.slice();
      one[i >> 3] = (one[i >> 3] ?? 0) ^ 1 << (i & 7);
      changed(one);
    }
    changed(Uint8Array.of(...some, 0));
    changed(Uint8Array.of(0, ...some, 0));
    assertEquals(seen.size, count, `${length} bytes`);
  }
  // Words that change places, also from one of the eight sums to another.
  const words = new Uint8Array(bytes.slice(0, 64).buffer);
  for (let i = 0; i < 16; i++) {
    for (let k = 0; k < i; k++) {
      const one = words.slice();
      one.set(words.subarray(4 * i, 4 * i + 4), 4 * k);
      one.set(words.subarray(4 * k, 4 * k + 4), 4 * i);
      assert(checksumOf(one) !== checksumOf(words), `${i} and ${k}`);
    }
  }
});
