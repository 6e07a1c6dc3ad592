import { assertEquals, assertThrows } from "@std/assert";
import { decodeRecord, encodeRecord, openStateFolder, writeWhole } from "./state_folder.ts";

Deno.test("a record that was cut anywhere, or has another byte, is not believed", () => {
  const text = encodeRecord({ name: "hv", state: "stopped", text: "Überspannung ✖" });
  assertEquals(decodeRecord(text).kind, "record");
  for (let i = 0; i < text.length; i++) {
    assertEquals(decodeRecord(text.slice(0, i)).kind, "torn", `cut at ${i}`);
    const other = String.fromCharCode(text.charCodeAt(i) ^ 1);
    assertEquals(decodeRecord(text.slice(0, i) + other + text.slice(i + 1)).kind, "torn", `${i}`);
  }
  // What a disk may hand out after a power cut.
  for (const lost of ["", "\0".repeat(text.length), text + text]) {
    assertEquals(decodeRecord(lost).kind, "torn");
  }
});

Deno.test("what was kept is there until something else is, whole", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  try {
    using folder = await openStateFolder(path, "test");
    assertEquals(folder.load("p"), { kind: "absent" });
    for (const isLasting of [true, false]) {
      folder.save("p", { isLasting }, isLasting);
      assertEquals(folder.load("p"), { kind: "record", record: { isLasting } });
    }
    // Somebody was killed in the middle of writing: the half of it counts for nothing.
    await Deno.writeTextFile(`${path}/programs/p.json.new`, "half");
    await Deno.writeTextFile(`${path}/programs/q.json.new`, "half");
    assertEquals(folder.names(), ["p"]);
    assertEquals(folder.load("p"), { kind: "record", record: { isLasting: false } });
    const error = assertThrows(() => writeWhole(`${path}/none/x`, "x"), Error);
    assertEquals(error.message.startsWith(`Cannot write ${path}/none/x: `), true);
    folder.forget("p");
    folder.forget("p");
    assertEquals(folder.names(), []);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a folder that was removed is made again, whole; one that somebody else has made since is theirs", async () => {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  try {
    using first = await openStateFolder(path, "the first");
    first.save("p", { state: "stopped" }, true);
    assertEquals(first.mend(), { kind: "well" });
    await Deno.remove(path, { recursive: true });
    assertEquals(first.mend(), { kind: "remade" });
    assertEquals(first.load("p"), { kind: "record", record: { state: "stopped" } });
    assertEquals(await Deno.readTextFile(`${path}/lock`), "the first\n");
    assertEquals(first.mend(), { kind: "well" });

    await Deno.remove(path, { recursive: true });
    using _ = await openStateFolder(path, "the second");
    const text = `${path} was removed, and the second has it now`;
    assertEquals(first.mend(), { kind: "problem", text });
    assertEquals(await Deno.readTextFile(`${path}/lock`), "the second\n");
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
