// How to start abcd again: the compiled binary, or this source under Deno.

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
    // With the stand-ins, @std is a file, and only the import map of the tasks knows it.
    ...(std.startsWith("file:") ? [`--import-map=${map}`] : []),
    main,
  ];
}
