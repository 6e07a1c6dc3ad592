// deno task test: all tests, or those that are named. Tests wait more than they work, so there is one file
// more at a time than there are processors; DENO_JOBS says otherwise.

if (import.meta.main) {
  const jobs = Deno.env.get("DENO_JOBS") ?? String(navigator.hardwareConcurrency + 1);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--quiet",
      "--allow-all",
      "--unstable-net",
      "--parallel",
      "--import-map=.import_map.json",
      ...Deno.args,
    ],
    env: { DENO_JOBS: jobs },
  }).spawn().status;
  Deno.exitCode = code;
}
