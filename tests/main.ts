// deno task test: all tests, or those that are named.
//
// Tests wait more than they work, so more files are tested at a time than there are processors. Long files are
// begun first: they take longer, and at the end no processor is to wait for the last of them.
//
// They start abcd some thousand times. So its modules are put together once: each start takes half the time.

import { bundle } from "../lib/compile.ts";

/** Test files at a time, for each processor; DENO_JOBS says otherwise. */
const FILES_A_PROCESSOR = 3;

/** All test files in a folder and those in it, but for hidden ones and what was built. */
function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (!isDirectory) return name.endsWith("_test.ts") ? [path] : [];
    return /^\.|^node_modules$|^dist$/.test(name) ? [] : testFiles(path);
  });
}

/** Whether the arguments of the task say which files. */
function namesFiles(given: readonly string[]): boolean {
  return given.some((word) => {
    try {
      Deno.statSync(word);
      return true;
    } catch {
      return false;
    }
  });
}

async function test(env: { [name: string]: string }): Promise<number> {
  const size = (path: string) => Deno.statSync(path).size;
  const longFirst = (a: string, b: string) => size(b) - size(a);
  const files = namesFiles(Deno.args) ? [] : testFiles(".").toSorted(longFirst);
  const jobs = navigator.hardwareConcurrency * FILES_A_PROCESSOR;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--quiet",
      "--allow-all",
      "--unstable-net",
      "--parallel",
      "--import-map=.import_map.json",
      ...files,
      ...Deno.args,
    ],
    env: { ...env, DENO_JOBS: Deno.env.get("DENO_JOBS") ?? String(jobs) },
  }).spawn().status;
  return code;
}

if (import.meta.main) {
  // Ctrl-C ends the tests, and then what is below is tidied up.
  Deno.addSignalListener("SIGINT", () => {});
  const folder = await Deno.makeTempDir({ prefix: "abcd-bundle-" });
  try {
    // As in the source: the examples are beside the program's folder.
    await Deno.symlink(await Deno.realPath("experiments"), `${folder}/experiments`);
    const program = Deno.env.get("ABCD_BIN") ? undefined : await bundle(`${folder}/cli`);
    Deno.exitCode = await test(program === undefined ? {} : { ABCD_BUNDLE: `file://${program}` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
