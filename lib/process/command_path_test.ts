import { assertEquals } from "@std/assert";
import { temporaryFolder } from "../../tests/harness.ts";
import { whyNoCommand, whyNoFolder } from "./command_path.ts";

Deno.test("whyNoCommand: a script whose interpreter is not to be found", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const why = (first: string, command = "./my-script") => {
    Deno.writeTextFileSync(`${path}/my-script`, `${first}\necho hello\n`);
    Deno.chmodSync(`${path}/my-script`, 0o755);
    return whyNoCommand(command, path, `/usr/bin:/bin:${path}`);
  };
  assertEquals(why("#!/bin/sh"), undefined);
  assertEquals(why("#! /bin/sh -e"), undefined);
  assertEquals(why("#!/usr/bin/env sh"), undefined);
  assertEquals(why("#!/usr/bin/env -S sh -e"), undefined);
  assertEquals(why("\x7fELF #!/none\r"), undefined);
  assertEquals(
    why("#!/bin/sh\r"),
    `./my-script has lines that end as on Windows, so what is to run it is not found (sed -i 's/\\r$//' ${path}/my-script)`,
  );
  assertEquals(
    why("#!/bin/no-such-shell"),
    `./my-script is a script for "/bin/no-such-shell": there is no command /bin/no-such-shell`,
  );
  assertEquals(
    why("#!/usr/bin/env no-such-python", "my-script"),
    `${path}/my-script is a script for "/usr/bin/env no-such-python": there is no command no-such-python`,
  );
  assertEquals(
    why("#!./my-script")?.endsWith("is a script that is run by a script, and so on"),
    true,
  );
});

Deno.test("whyNoFolder: what is there, and what is not", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  Deno.writeTextFileSync(`${path}/file`, "");
  assertEquals(whyNoFolder(path), undefined);
  assertEquals(whyNoFolder(`${path}/none`), `there is no folder ${path}/none ("cwd")`);
  assertEquals(whyNoFolder(`${path}/file`), `${path}/file ("cwd") is no folder`);
});
