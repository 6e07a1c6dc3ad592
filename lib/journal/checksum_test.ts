import { assertEquals } from "@std/assert";
import { seeded } from "../sim/random.ts";
import { loadChecksum } from "./checksum.ts";

const encoder = new TextEncoder();

Deno.test("checksum: it is CRC-32, as other programs have it", async () => {
  const checksum = await loadChecksum();
  // The check value of CRC-32 in the catalogue of parametrised CRC algorithms.
  assertEquals(checksum(encoder.encode("123456789")), 0xcbf43926);
  assertEquals(checksum(new Uint8Array()), 0);
});

Deno.test("checksum: it does not matter in which pieces bytes come", async () => {
  const checksum = await loadChecksum();
  const pick = seeded(1);
  const bytes = Uint8Array.from({ length: 300 }, () => pick() * 256);
  const whole = checksum(bytes);
  // So often that the compiler of Deno takes another way to it.
  for (let i = 0; i < 5000; i++) {
    let sum = 0;
    for (let at = 0; at < bytes.length;) {
      const next = at + Math.floor(pick() * pick() * 70);
      sum = checksum(bytes.subarray(at, next), sum);
      at = Math.min(next, bytes.length);
    }
    assertEquals(sum, whole);
  }
});
