// A folder with an `abcd` in it, so that the programs find the same one as the controller's.

import { selfCommand } from "../process/self.ts";

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Writes the command into `FOLDER/bin` and returns that folder. Programs that outlive the controller
 * still find it there.
 */
export function writeAbcdCommand(folder: string): string {
  const bin = `${folder}/bin`;
  Deno.mkdirSync(bin, { recursive: true });
  const quoted = selfCommand().map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const text = `#!/bin/sh\nexec ${quoted} "$@"\n`;
  // What is there already needs no room on a disk that may be full.
  if (readText(`${bin}/abcd`) === text) return bin;
  Deno.writeTextFileSync(`${bin}/abcd.new`, text, { mode: 0o755 });
  Deno.renameSync(`${bin}/abcd.new`, `${bin}/abcd`);
  return bin;
}
