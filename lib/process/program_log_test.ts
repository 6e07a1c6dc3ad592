import { assertEquals } from "@std/assert";
import { openProgramLog } from "./program_log.ts";

async function withLog(
  run: (log: ReturnType<typeof openProgramLog>, write: (text: string) => void) => void,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const path = `${folder}/p.log`;
  try {
    const log = openProgramLog({ path, warn: () => {}, moved: () => {} });
    run(log, (text) => Deno.writeTextFileSync(path, text, { append: true }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("program log: who follows has each line once, wherever the program is with its writing", async () => {
  await withLog((log, write) => {
    write("1\n2\nthree, of which");
    using cursor = log.cursor();
    write(" more comes\n4\n");
    assertEquals(cursor.before(2), ["1", "2"]);
    assertEquals(cursor.read(), ["three, of which more comes", "4"]);
    write("5\n6 and");
    assertEquals(cursor.read(), ["5"]);
    // Somebody else follows what is followed already.
    assertEquals(cursor.before(3), ["three, of which more comes", "4", "5"]);
    write(" a half\n");
    assertEquals(cursor.before(1), ["5"]);
    assertEquals(cursor.read(), ["6 and a half"]);
    assertEquals(cursor.before(1), ["6 and a half"]);
    assertEquals(cursor.before(0), []);
  });
});

Deno.test("program log: followed from the beginning, through being emptied, and a line without end", async () => {
  await withLog((log, write) => {
    using cursor = log.cursor();
    assertEquals([cursor.read(), cursor.before(5)], [[], []]);
    write("no end");
    using other = log.cursor();
    assertEquals([cursor.read(), cursor.before(5)], [[], []]);
    write(" yet, now\n");
    assertEquals(cursor.read(), ["no end yet, now"]);
    assertEquals(other.read(), ["no end yet, now"]);
    write("lost with");
    assertEquals(cursor.read(), []);
    Deno.truncateSync(log.path);
    write("a\n");
    assertEquals([cursor.read(), cursor.before(5)], [["a"], ["a"]]);
    // As long as the look back, and longer.
    write("x".repeat(70_000));
    using late = log.cursor();
    write("y\n");
    assertEquals(late.read(), ["y"]);
  });
});
