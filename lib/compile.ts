// deno task compile: abcd as one executable. A task's arguments stand at its end, where deno compile takes
// them for the program's; here they go to deno compile, in front of it.

import { V8_FLAGS } from "./process/self.ts";

/** The arguments of deno; `given` are those of the task. For another target the file has its name. */
export function compileArgs(given: readonly string[]): string[] {
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
    "cli/main.ts",
  ];
}

if (import.meta.main) {
  const { code } = await new Deno.Command(Deno.execPath(), { args: compileArgs(Deno.args) })
    .spawn().status;
  Deno.exitCode = code;
}
