import { assertEquals } from "@std/assert";
import { Splitter } from "./splitter.ts";

/** What is found in text that comes in chunks of these bytes. */
function split(chunks: readonly Uint8Array[], maxBytes = 1000): string[] {
  const found: string[] = [];
  const splitter = new Splitter(maxBytes, {
    scanned: (envelope) => found.push(envelope.text()),
    object: (text) => found.push(text),
    garbled: (code, _, fatal) => found.push(`${code}${fatal ? "!" : ""}`),
  });
  for (const chunk of chunks) splitter.push(chunk);
  return found;
}
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("objects are found wherever a read ends", () => {
  const objects = ['{"a":"}{"}', '{"b":"\\"}\\\\"}', '{"c":{"d":["ä€😀",{}]}}', "{}"];
  for (const between of ["", "\n", " \r\n\t"]) {
    const all = bytes(objects.join(between));
    for (let i = 0; i <= all.length; i++) {
      assertEquals(split([all.slice(0, i), all.slice(i)]), objects, `split at ${i}`);
    }
    assertEquals(split([...all].map((byte) => Uint8Array.of(byte))), objects);
  }
});

Deno.test("garbage is said once, then the next object is found", () => {
  for (const text of ['{"a":1}garbage]]{"b":2}', '{"a":1}{"x":"cut off\n{"b":2}']) {
    const all = bytes(text);
    for (let i = 0; i <= all.length; i++) {
      assertEquals(split([all.slice(0, i), all.slice(i)]), ['{"a":1}', "bad-json", '{"b":2}']);
    }
  }
});

Deno.test("what is not UTF-8 is refused, what follows is not", () => {
  const all = [...bytes('{"a":"'), 0xff, ...bytes('"}{"b":2}')];
  assertEquals(split([Uint8Array.from(all)]), ["bad-json", '{"b":2}']);
});

Deno.test("too large ends it", () => {
  const all = bytes('{"a":1}{"a":"0123456789"}{"b":1}');
  for (let i = 0; i <= all.length; i++) {
    assertEquals(split([all.slice(0, i), all.slice(i)], 10), ['{"a":1}', "too-large!"]);
  }
});
