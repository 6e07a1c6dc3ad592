import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { deriveKey, fromBase64Url, keyText, makeMainKey, parseKey, toBase64Url } from "./key.ts";

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
  assertNotEquals(monitor.secret, (await deriveKey(main, "monitor2")).secret);
  assertNotEquals(monitor.secret, (await deriveKey(makeMainKey(), "monitor")).secret);
});

Deno.test("base64url goes there and back", () => {
  for (let length = 0; length < 40; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assertEquals(fromBase64Url(toBase64Url(bytes)), bytes);
  }
  assertEquals(fromBase64Url("a+b/"), undefined);
});
