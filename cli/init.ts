// abcd init: writes an example of an experiment file, to begin with.

import { CommandError, defineCommand, EXIT } from "./command.ts";
import { nearest } from "../lib/nearest.ts";

/** An example. */
interface Example {
  readonly what: string;
  /** Its files in experiments/; the experiment file is the first. */
  readonly files: readonly [string, ...string[]];
}

/** The examples, by name. */
export const EXAMPLES: { readonly [name: string]: Example } = {
  damicm: {
    what: "a DAMIC-M set-up, simulated: cryocooler, vacuum gauge, high voltage, two CCDs",
    files: ["damicm.jsonc"],
  },
  muon: {
    what:
      "a muon telescope on a bench, simulated, with a log of all messages; explained line by line",
    files: ["muon.jsonc"],
  },
  python: {
    what: "programs of your own in Python, and what they join the hub with",
    files: ["python.jsonc", "thermometer.py", "logger.py", "abcd.py"],
  },
  minimal: { what: "libABCD's bare format: names and command lines", files: ["minimal.jsonc"] },
};

/** The examples, a line for each. */
function exampleList(): string {
  return Object.entries(EXAMPLES).map(([name, { what }]) => `  ${name.padEnd(10)}${what}`)
    .join("\n");
}

/**
 * An example by its name.
 *
 * @throws {CommandError} If there is none of this name.
 */
export function findExample(name: string): Example {
  const found = Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : undefined;
  if (found !== undefined) return found;
  const near = nearest(name, Object.keys(EXAMPLES));
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new CommandError(
    `Cannot find an example "${name}"${hint}\nThe examples are:\n${exampleList()}`,
  );
}

/** The text of a file of an example. */
export async function readExample(file: string): Promise<string> {
  return await Deno.readTextFile(new URL(`../experiments/${file}`, import.meta.url));
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

/** `abcd init [NAME]`. */
export default defineCommand({
  name: "init",
  summary: "write an example of an experiment file into this folder",
  usage: "[NAME]",
  arity: [0, 1],
  description: `Without NAME: damicm. A file that exists is never written over. The examples are:

${exampleList()}`,
  options: { list: { type: "flag", help: "the names of the examples" } },
  needs: ["read", "write", "env"],
  examples: [
    ["abcd init", "write damicm.jsonc; then: abcd run damicm.jsonc"],
    ["abcd init minimal", "write minimal.jsonc"],
  ],
  async run({ options, args }) {
    if (options.list) {
      console.log(exampleList());
      return EXIT.done;
    }
    const name = args[0] ?? "damicm";
    const { what, files } = findExample(name);
    // All of it or nothing: half an example runs nowhere.
    const there = files.filter(exists);
    if (there.length > 0) {
      throw new CommandError(
        `Cannot write ${there.join(", ")}: it exists; move it away first, or go to an empty folder`,
      );
    }
    for (const file of files) {
      try {
        await Deno.writeTextFile(file, await readExample(file), { createNew: true });
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new CommandError(`Cannot write ${file}: ${why}`);
      }
    }
    console.log(`Wrote ${files.join(", ")}: ${what}\nStart it: abcd run ${files[0]}`);
    return EXIT.done;
  },
});
