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

/** Whether JSR gives a package's description, and it is one. */
export async function jsrAnswers(registry: string, patienceMs = PATIENCE_MS): Promise<boolean> {
  try {
    const response = await fetch(new URL("@std/assert/meta.json", registry), {
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return false;
    }
    const meta: unknown = await response.json();
    return typeof meta === "object" && meta !== null && "versions" in meta;
  } catch {
    return false; // refused, no such host, a proxy's page, too slow: not to be had here
  }
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
  const registry = new URL(Deno.env.get("JSR_URL") ?? "https://jsr.io");
  if (!registry.pathname.endsWith("/")) registry.pathname += "/";
  const fromJsr = await jsrAnswers(registry.href);
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
      ? `@std: from JSR (${registry.host})`
      : `@std: the stand-ins in lib/std_offline, as JSR (${registry.host}) does not answer`,
  );
}
