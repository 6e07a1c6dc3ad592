import { assert, assertEquals, assertThrows } from "@std/assert";
import { findKey, KeyFileError, readKeyFile, takeMainKey, writeKeyFile } from "./key_file.ts";
import { readRightsFile } from "./hub_keys.ts";
import { NO_RIGHTS } from "./rights_file.ts";
import { deriveKey, keyText, makeMainKey } from "./key.ts";

Deno.test("a key file is made once, for its owner alone, and never written over", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/new/key`;
    assertEquals(readKeyFile(path), undefined);
    const first = takeMainKey({ keyFile: path });
    assert(first.made);
    assertEquals(first.from, path);
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assertEquals((Deno.statSync(`${folder}/new`).mode ?? 0) & 0o777, 0o700);
    const again = takeMainKey({ keyFile: path });
    assertEquals([again.made, again.key], [false, first.key]);
    assertEquals(findKey({ keyFile: path })?.key, first.key);
    assertEquals(writeKeyFile(path, makeMainKey()), false);
    assertEquals(readKeyFile(path), first.key);
    const other = makeMainKey();
    assert(writeKeyFile(path, other, true));
    assertEquals(readKeyFile(path), other);
    assertEquals([...Deno.readDirSync(`${folder}/new`)].map(({ name }) => name), ["key"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a key file that others could read or change, or that has no key, is not used", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/key`;
    const key = makeMainKey();
    writeKeyFile(path, key);
    for (const mode of [0o604, 0o602, 0o620, 0o666, 0o644]) {
      Deno.chmodSync(path, mode);
      const error = assertThrows(() => readKeyFile(path), KeyFileError, `chmod 600 ${path}`);
      assert(!error.message.includes(key.secret));
    }
    for (const mode of [0o600, 0o400, 0o640]) {
      Deno.chmodSync(path, mode);
      assertEquals(readKeyFile(path), key);
    }
    Deno.chmodSync(path, 0o600);
    Deno.writeTextFileSync(path, `${keyText(key)}x`);
    const error = assertThrows(() => readKeyFile(path), KeyFileError, path);
    assert(!error.message.includes(key.secret));
    assertThrows(() => findKey({ keyFile: `${folder}/none` }), KeyFileError, "it is not there");
    const file = `${folder}/monitor`;
    writeKeyFile(file, await deriveKey(key, "monitor"));
    assertThrows(() => takeMainKey({ keyFile: file }), KeyFileError, "it takes a main key");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file in the place of a folder on the way to a key: there is no key, and none can be made", async () => {
  const file = await Deno.makeTempFile();
  try {
    const path = `${file}/abcd/key`;
    for (const home of [file, "/dev/null"]) {
      assertEquals(readKeyFile(`${home}/abcd/key`), undefined);
      assertEquals(readRightsFile(`${home}/abcd/rights.jsonc`, false), NO_RIGHTS);
    }
    assertThrows(() => findKey({ keyFile: path }), KeyFileError, "it is not there");
    assertThrows(() => takeMainKey({ keyFile: path }), KeyFileError, "Cannot write the key file");
  } finally {
    await Deno.remove(file);
  }
});
