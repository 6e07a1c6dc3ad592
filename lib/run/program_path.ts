// A folder with an `abcd` in it, so that the programs find the same one as the controller's.

import { selfCommand } from "../process/self.ts";

/**
 * Writes the command into `FOLDER/bin` and returns that folder. Programs that outlive the controller
 * still find it there.
 */
export function writeAbcdCommand(folder: string): string {
  const bin = `${folder}/bin`;
  Deno.mkdirSync(bin, { recursive: true });
  const quoted = selfCommand().map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  Deno.writeTextFileSync(`${bin}/abcd.new`, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  Deno.renameSync(`${bin}/abcd.new`, `${bin}/abcd`);
  return bin;
}
