import { assertEquals } from "@std/assert";
import { createNames } from "./names.ts";

const encoder = new TextEncoder();

Deno.test("names: each is what its bytes are, also when the memory overflows", () => {
  const few = createNames(4);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) {
      const bytes = encoder.encode(`xx-é${i}yy`);
      assertEquals(few.text(bytes, 2, bytes.length - 2), `-é${i}`);
    }
  }
});
