// How to start abcd again: the compiled binary, or this source under Deno.

/**
 * How V8 keeps house. Less memory for what is young, in MB, than it takes by itself: what is let go of fills it before
 * it is looked at, and a hub with 5000 idle clients took 24 KiB for each in place of 18. And it does not go through
 * all its memory whenever there is little to do, which cost as much there as the clients' heartbeats. Messages go
 * neither quicker nor slower.
 */
export const V8_FLAGS = "--max-semi-space-size=8,--no-memory-reducer";

/** The command line that runs abcd, without a subcommand. */
export function selfCommand(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const main = new URL("../../cli/main.ts", import.meta.url).pathname;
  const std = import.meta.resolve("@std/jsonc");
  const map = new URL("../../.import_map.json", import.meta.url).pathname;
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-all",
    "--unstable-net",
    `--v8-flags=${V8_FLAGS}`,
    // With the stand-ins, @std is a file, and only the import map of the tasks knows it.
    ...(std.startsWith("file:") ? [`--import-map=${map}`] : []),
    main,
  ];
}
