import { assertEquals } from "@std/assert";
import { compileArgs } from "./compile.ts";

Deno.test("compile: what is given goes to deno compile, and stands before the program", () => {
  const outputs = (...given: string[]) => {
    const args = compileArgs(given);
    assertEquals([args[0], args.at(-1)], ["compile", "cli/main.ts"]);
    assertEquals(args.slice(args.length - 1 - given.length, -1), given);
    return args.flatMap((word, i) => /^(-o|--output)$/.test(word) ? [args[i + 1]] : []);
  };
  assertEquals(outputs(), ["dist/abcd"]);
  const arm = "aarch64-unknown-linux-gnu";
  assertEquals(outputs("--target", arm), [`dist/abcd-${arm}`]);
  assertEquals(outputs(`--target=${arm}`), [`dist/abcd-${arm}`]);
  assertEquals(outputs("--target", arm, "--output", "abcd-pi"), ["abcd-pi"]);
  assertEquals(compileArgs([], ".bundle/main.js").at(-1), ".bundle/main.js");
});
