import { assertEquals } from "@std/assert";
import { createStamp } from "./stamp.ts";

Deno.test("stamp: what is missing of sender and time stands behind the message", () => {
  const stamp = createStamp('q"x');
  const decoder = new TextDecoder();
  const read = (now: number, hasFrom: boolean, hasTime: boolean) =>
    JSON.parse(`{"cmd":"m"${decoder.decode(stamp.tail(now, hasFrom, hasTime))}`);
  for (const now of [0, 7, 999, 1000, 1020, 1_795_512_925_370, 1_795_512_925_009]) {
    assertEquals(read(now, false, false), { cmd: "m", from: 'q"x', time: now / 1000 });
    assertEquals(read(now, true, false), { cmd: "m", time: now / 1000 });
  }
  assertEquals(read(5, false, true), { cmd: "m", from: 'q"x' });
  assertEquals(read(5, true, true), { cmd: "m" });
});
