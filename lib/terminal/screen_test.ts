import { assertEquals, assertStringIncludes } from "@std/assert";
import { openScreen } from "./screen.ts";

Deno.test("screen: what changed is written at once; closing restores, once", () => {
  const written: string[] = [];
  const screen = openScreen({ write: (text) => void written.push(text) });
  assertEquals(written, ["\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"]);
  screen.draw(["a", "b"]);
  assertEquals(written.length, 2);
  assertStringIncludes(written[1] ?? "", "\x1b[1;1Ha\x1b[2;1Hb");
  screen.draw(["a", "b"]);
  assertEquals(written.length, 2);
  screen.forget();
  screen.draw(["a", "c"]);
  assertStringIncludes(written.at(-1) ?? "", "\x1b[1;1Ha\x1b[2;1Hc");
  screen.close();
  screen.close();
  screen.draw(["c"]);
  assertEquals(written.at(-1), "\x1b[0m\x1b[?25h\x1b[?1049l");
  assertEquals(written.length, 5);
});

Deno.test("screen: a terminal that is gone is no error", () => {
  const screen = openScreen({
    write() {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  screen.draw(["a"]);
  screen.close();
});
