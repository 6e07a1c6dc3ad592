// deno task compile: abcd as one executable. A task's arguments stand at its end, where deno compile takes
// them for the program's; here they go to deno compile, in front of it.
//
// The modules are put together first (`deno bundle`): a few files are loaded in two thirds of the time that
// 300 take, at each start of each subcommand.

import { V8_FLAGS } from "./process/self.ts";

const PROGRAM = "cli/main.ts";
/** For what is put together. Beside `experiments`, as `cli` is: `abcd init` finds its examples by that. */
const BUNDLE = ".bundle";

/** The arguments of deno; `given` are those of the task. For another target the file has its name. */
export function compileArgs(given: readonly string[], program = PROGRAM): string[] {
  const valueOf = (option: string) => {
    const at = given.indexOf(option);
    return at < 0
      ? given.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1)
      : given[at + 1];
  };
  const target = valueOf("--target");
  const hasOutput = given.some((word) => /^(-o|--output(=.*)?)$/.test(word));
  return [
    "compile",
    "--quiet",
    "--no-prompt",
    // See "Permissions" in the README.
    "--allow-all",
    "--unstable-net",
    `--v8-flags=${V8_FLAGS}`,
    "--import-map=.import_map.json",
    "--include",
    "experiments",
    ...(hasOutput ? [] : ["--output", target === undefined ? "dist/abcd" : `dist/abcd-${target}`]),
    ...given,
    program,
  ];
}

async function deno(args: readonly string[]): Promise<boolean> {
  return (await new Deno.Command(Deno.execPath(), { args: [...args] }).spawn().status).success;
}

/**
 * Puts the modules together in a folder; returns the program's file, or `undefined` if that cannot be: it takes
 * a tool which Deno has from npm.
 */
export async function bundle(folder: string): Promise<string | undefined> {
  const args = ["--quiet", "--import-map=.import_map.json", "--code-splitting", "--outdir", folder];
  // Errors name the source's lines, where Deno looks for that.
  args.push("--sourcemap=linked");
  return await deno(["bundle", ...args, PROGRAM]) ? `${folder}/main.js` : undefined;
}

if (import.meta.main) {
  try {
    const program = await bundle(BUNDLE);
    if (program === undefined) {
      console.error("The modules cannot be put together: abcd will start more slowly");
    }
    Deno.exitCode = await deno(compileArgs(Deno.args, program)) ? 0 : 1;
  } finally {
    await Deno.remove(BUNDLE, { recursive: true }).catch(() => {}); // it is not there
  }
}
