// abcd init: writes an example of an experiment file, to begin with.

import { CommandError, defineCommand, EXIT } from "./command.ts";
import { nearest } from "../lib/nearest.ts";

/** The examples, by name, each with what it is. The files are in experiments/. */
export const EXAMPLES: { readonly [name: string]: string } = {
  damicm: "a DAMIC-M set-up, simulated: cryocooler, vacuum gauge, high voltage, two CCDs",
  muon:
    "a muon telescope on a bench, simulated, with a log of all messages; explained line by line",
  minimal: "libABCD's bare format: names and command lines",
};

/** The examples, a line for each. */
function exampleList(): string {
  return Object.entries(EXAMPLES).map(([name, what]) => `  ${name.padEnd(10)}${what}`).join("\n");
}

/**
 * The text of an example.
 *
 * @throws {CommandError} If there is none of this name.
 */
export async function readExample(name: string): Promise<string> {
  if (!Object.hasOwn(EXAMPLES, name)) {
    const known = Object.keys(EXAMPLES);
    const near = nearest(name, known);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw new CommandError(
      `Cannot find an example "${name}"${hint}\nThe examples are:\n${exampleList()}`,
    );
  }
  return await Deno.readTextFile(new URL(`../experiments/${name}.jsonc`, import.meta.url));
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
    const text = await readExample(name);
    const file = `${name}.jsonc`;
    try {
      await Deno.writeTextFile(file, text, { createNew: true });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) {
        throw new CommandError(`Cannot write ${file}: it exists; move it away first`);
      }
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandError(`Cannot write ${file}: ${why}`);
    }
    console.log(`Wrote ${file}: ${EXAMPLES[name]}\nStart it: abcd run ${file}`);
    return EXIT.done;
  },
});
