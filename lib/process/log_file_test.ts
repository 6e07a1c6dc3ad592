import { assertEquals, assertThrows } from "@std/assert";
import { createRotatingFile } from "./log_file.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function files(folder: string): Record<string, string> {
  const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  return Object.fromEntries(
    names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]),
  );
}

function inFolder(name: string, run: (folder: string) => void): void {
  Deno.test(`log file: ${name}`, () => {
    const folder = Deno.makeTempDirSync();
    try {
      run(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

inFolder("exactly full is not too full", (folder) => {
  using file = createRotatingFile({ path: `${folder}/a`, maxBytes: 6 });
  file.write(bytes("abc\n"));
  file.write(bytes("d\n"));
  assertEquals(files(folder), { a: "abc\nd\n" });
  file.write(bytes("e"));
  assertEquals(files(folder), { a: "e", "a.1": "abc\nd\n" });
});

inFolder("cut behind the last newline that fits", (folder) => {
  using file = createRotatingFile({ path: `${folder}/a`, maxBytes: 8 });
  file.write(bytes("1\n22\n333\n4\n"));
  assertEquals(files(folder), { a: "333\n4\n", "a.1": "1\n22\n" });
});

inFolder("a line longer than a file is cut anywhere", (folder) => {
  using file = createRotatingFile({ path: `${folder}/a`, maxBytes: 4 });
  file.write(bytes("x\n0123456789\n"));
  assertEquals(files(folder), { a: "89\n", "a.1": "4567", "a.2": "0123", "a.3": "x\n" });
});

inFolder("the oldest goes", (folder) => {
  using file = createRotatingFile({ path: `${folder}/a`, maxBytes: 2, backups: 2 });
  for (const line of ["1\n", "2\n", "3\n", "4\n"]) file.write(bytes(line));
  assertEquals(files(folder), { a: "4\n", "a.1": "3\n", "a.2": "2\n" });
});

inFolder("no backups", (folder) => {
  using file = createRotatingFile({ path: `${folder}/a`, maxBytes: 2, backups: 0 });
  for (const line of ["1\n", "2\n"]) file.write(bytes(line));
  assertEquals(files(folder), { a: "2\n" });
});

inFolder("an existing file is continued", (folder) => {
  Deno.writeTextFileSync(`${folder}/a`, "old\n");
  using file = createRotatingFile({ path: `${folder}/a`, maxBytes: 8 });
  file.write(bytes("new\n"));
  assertEquals(files(folder), { a: "old\nnew\n" });
  file.write(bytes("z\n"));
  assertEquals(files(folder), { a: "z\n", "a.1": "old\nnew\n" });
});

inFolder("folders are made; what cannot be written is said", (folder) => {
  using file = createRotatingFile({ path: `${folder}/b/c/a` });
  file.write(bytes("x\n"));
  assertEquals(Deno.readTextFileSync(`${folder}/b/c/a`), "x\n");
  using bad = createRotatingFile({ path: `${folder}/b/c/a/d` });
  assertThrows(() => bad.write(bytes("x")), Error, "Cannot write");
});
