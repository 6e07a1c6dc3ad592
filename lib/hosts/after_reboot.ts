// What a host agent does of itself after its computer was started anew, and what it leaves to be ordered.

import { bootId } from "../process/proc_fs.ts";
import { afterReboot, parseRecord, parseSettings } from "../run/record.ts";
import type { StateFolder } from "../run/state_folder.ts";

/**
 * Forgets the programs that had done their work before the computer was started anew, as to set up a
 * device, and those that were at it and do not start again by themselves. Their controller hears that
 * nothing is known of them, and has them done again when what they depend on holds: it alone knows that.
 *
 * @param boot This start of the computer.
 * @returns Their names.
 */
export function forgetDone(folder: StateFolder, boot: string = bootId()): string[] {
  return folder.names().filter((name) => {
    const found = folder.load(name);
    const record = found.kind === "record" ? parseRecord(found.record) : undefined;
    const after = record === undefined ? undefined : afterReboot(record, boot);
    const isAlone = after === "start" && record !== undefined &&
      parseSettings(record.settings)?.restart !== "no";
    if (after === undefined || after === "stopped" || isAlone) return false;
    folder.forget(name);
    return true;
  });
}
