// Writes .import_map.json, the import map of every task: deno.json's imports as they are where JSR
// answers, else with the stand-ins of this folder in the place of @std. Says in one line which.
//
// A lab's network often reaches the npm registry and not JSR; there everything must work too.

/** Entry points of @std that the code uses, and the stand-in for each. */
const STAND_INS: Record<string, string> = {
  "@std/assert": "./lib/std_offline/assert.ts",
  "@std/cli/parse-args": "./lib/std_offline/cli_parse_args.ts",
  "@std/jsonc": "./lib/std_offline/jsonc.ts",
  "@std/log": "./lib/std_offline/log.ts",
};

/** How long JSR may take to answer, in milliseconds. */
const PATIENCE_MS = 3000;

/**
 * Whether packages of JSR can be had: all in Deno's cache, or the registry gives the first of them.
 *
 * Deno itself is asked, so that its registry (`JSR_URL`), proxy and cache are those of every task.
 *
 * @param packages `jsr:` specifiers; the first is the smallest.
 * @param patienceMs How long the registry may take, in milliseconds. Default 3000.
 */
export async function jsrAnswers(
  packages: readonly string[],
  patienceMs: number = PATIENCE_MS,
): Promise<boolean> {
  if (await canCache(["--cached-only", ...packages])) return true;
  return await canCache(packages.slice(0, 1), AbortSignal.timeout(patienceMs));
}

async function canCache(args: readonly string[], signal?: AbortSignal): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "--no-config", "--no-lock", ...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    ...(signal === undefined ? {} : { signal }),
  }).output();
  return success;
}

/** The import map for one of the two cases; paths are relative to the folder it is written in. */
export function importMap(
  imports: Record<string, string>,
  fromJsr: boolean,
): { imports: Record<string, string> } {
  const map: Record<string, string> = {};
  for (const [name, target] of Object.entries(imports)) {
    if (!target.startsWith("jsr:")) {
      map[name] = target;
    } else if (fromJsr) {
      map[name] = target;
      // deno.json lets "@std/cli/parse-args" follow from "@std/cli"; an import map must say it.
      map[`${name}/`] = `jsr:/${target.slice("jsr:".length)}/`;
    }
  }
  return { imports: fromJsr ? map : { ...map, ...STAND_INS } };
}

if (import.meta.main) {
  const config: { imports: Record<string, string> } = JSON.parse(
    await Deno.readTextFile("deno.json"),
  );
  const packages = Object.values(config.imports).filter((target) => target.startsWith("jsr:"));
  const fromJsr = await jsrAnswers(packages.sort((a) => a.includes("jsonc") ? -1 : 1));
  const text = JSON.stringify(importMap(config.imports, fromJsr), null, 2) + "\n";
  const file = ".import_map.json";
  const current = await Deno.readTextFile(file).catch(() => "");
  if (text !== current) {
    // Several tasks may do this at once: never let one see another's half.
    const fresh = `${file}.${Deno.pid}`;
    await Deno.writeTextFile(fresh, text);
    await Deno.rename(fresh, file);
  }
  console.error(
    fromJsr
      ? "@std: the real packages, from JSR"
      : "@std: the stand-ins in lib/std_offline, as JSR does not answer",
  );
}
