// How to start abcd again: the compiled binary, or this source under Deno.

/**
 * How V8 keeps house. Less memory for what is young, in MB, than it takes by itself: what is let go of fills it before
 * it is looked at, and a hub with 5000 idle clients took 24 KiB for each in place of 18. And it does not go through
 * all its memory whenever there is little to do, which cost as much there as the clients' heartbeats. Messages go
 * neither quicker nor slower.
 */
export const V8_FLAGS = "--max-semi-space-size=8,--no-memory-reducer";

/** The source's program; for a test, which is another. */
const SOURCE = new URL("../../cli/main.ts", import.meta.url).href;

/**
 * The command line that runs abcd, without a subcommand.
 *
 * @param program The file under Deno, as a URL. Default: that of this program, if it is abcd, or the source.
 */
export function selfCommand(
  program: string = /\/cli\/main\.[jt]s$/.test(Deno.mainModule) ? Deno.mainModule : SOURCE,
): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const { pathname } = new URL(program);
  // With the stand-ins, @std is a file, and only the import map of the tasks knows it.
  const needsMap = pathname.endsWith(".ts") &&
    import.meta.resolve("@std/jsonc").startsWith("file:");
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-all",
    "--unstable-net",
    `--v8-flags=${V8_FLAGS}`,
    ...(needsMap ? [`--import-map=${new URL("../.import_map.json", program).pathname}`] : []),
    pathname,
  ];
}
