import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  deriveKey,
  isSameKey,
  isSignature,
  type Key,
  keyText,
  makeMainKey,
  parseKey,
  sign,
} from "./key.ts";

Deno.test("a key is its text, with white space around it or without", () => {
  const key = makeMainKey();
  assertEquals(parseKey(` ${keyText(key)}\n`), key);
});

Deno.test("what is no key is refused, and never shown", () => {
  const secret = "A".repeat(43);
  for (
    const text of ["", "main", `main.${secret}A`, `Main.${secret}`, `a.b.${secret}`, `.${secret}`]
  ) {
    const error = assertThrows(() => parseKey(text), SyntaxError);
    assertEquals(error.message.includes(secret), false);
  }
});

Deno.test("a key with an ID of its own follows from the main one, and only from that", async () => {
  const main = makeMainKey();
  assertEquals(await deriveKey(main, "main"), main);
  const monitor = await deriveKey(main, "monitor");
  assertEquals(monitor, await deriveKey(main, "monitor"));
  assertEquals(parseKey(keyText(monitor)), monitor);
  assertNotEquals(monitor.secret, (await deriveKey(main, "monitor2")).secret);
  assertNotEquals(monitor.secret, (await deriveKey(makeMainKey(), "monitor")).secret);
  assertEquals(await isSameKey(main, { ...main }), true);
  assertEquals(await isSameKey(main, makeMainKey()), false);
});

Deno.test("a signature is that of RFC 4231, and of nothing else", async () => {
  // Test case 2: key "Jefe".
  const jefe: Key = { id: "x", secret: "Jefe" };
  const text = "what do ya want for nothing?";
  const right = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  assertEquals(await sign(jefe, text), right);
  assertEquals(await isSignature(jefe, text, right), true);
  for (
    const wrong of [
      "",
      "zz",
      right.slice(1),
      `${right}0`,
      right.toUpperCase(),
      `6${right.slice(1)}`,
    ]
  ) {
    assertEquals(await isSignature(jefe, text, wrong), false, wrong);
  }
});
