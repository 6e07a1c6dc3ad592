import { assertEquals, assertStringIncludes } from "@std/assert";
import { openScreen } from "./screen.ts";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[H\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l";

Deno.test("screen: what changed is written at once; closing restores, once", async () => {
  const written: string[] = [];
  const screen = openScreen({ write: (text) => void written.push(text) });
  screen.draw(["a", "b"]);
  assertEquals(written, [`${ENTER}\x1b[1;1Ha\x1b[2;1Hb`]);
  screen.draw(["a", "b"]);
  assertEquals(written.length, 1);
  screen.forget();
  screen.draw(["a", "c"]);
  assertEquals(written.at(-1), "\x1b[0m\x1b[2J\x1b[1;1Ha\x1b[2;1Hc");
  const large = Array.from({ length: 10 }, () => "x".repeat(40));
  screen.draw(large);
  assertStringIncludes(written.at(-1) ?? "", "\x1b[?2026h");
  await screen.close();
  await screen.close();
  screen.draw(["c"]);
  assertEquals(written.at(-1), LEAVE);
  assertEquals(written.length, 4);
});

Deno.test("screen: a terminal that is gone is no error", async () => {
  const screen = openScreen({
    write() {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  screen.draw(["a"]);
  await screen.close();
});

Deno.test("screen: a slow terminal gets the newest page when it has taken the one before", async () => {
  const written: string[] = [];
  let taken = Promise.withResolvers<void>();
  const screen = openScreen({
    write(text) {
      written.push(text);
      return taken.promise;
    },
  });
  async function take(): Promise<void> {
    const { resolve } = taken;
    taken = Promise.withResolvers();
    resolve();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
  screen.draw(["a"]);
  screen.draw(["b"]);
  screen.draw(["c"]);
  assertEquals(written, [`${ENTER}\x1b[1;1Ha`]);
  await take();
  assertEquals(written.slice(1), ["\x1b[1;1Hc"]);
  await take();
  assertEquals(written.length, 2);
  screen.draw(["d"]);
  screen.draw(["e"]);
  const closed = screen.close();
  await take();
  await take();
  await closed;
  // What was still to be shown is of no interest any more.
  assertEquals(written.slice(2), ["\x1b[1;1Hd", LEAVE]);
});

Deno.test("screen: a terminal that takes nothing any more holds nobody up", async () => {
  const written: string[] = [];
  const screen = openScreen({
    write(text) {
      written.push(text);
      return new Promise(() => {});
    },
  });
  screen.draw(["a"]);
  screen.draw(["b"]);
  await screen.close();
  assertEquals(written.length, 1);
});
