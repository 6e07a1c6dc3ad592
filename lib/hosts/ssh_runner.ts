// A program on a computer that is reached through ssh: the runner of a local one, whose processes are
// started and looked at over there.

import type { Program } from "../experiment/program.ts";
import type { OutOfMemoryWatch } from "../process/out_of_memory.ts";
import type { LocalContext } from "../run/local_contract.ts";
import { createLocalRunner } from "../run/local_runner.ts";
import type { Runner } from "../run/runner.ts";
import type { SshHost } from "./ssh_start.ts";

/** What the kernel of another computer did is not known on this one. */
const UNKNOWN_MEMORY: OutOfMemoryWatch = { look() {}, judge: () => ({ outOfMemory: "unknown" }) };

/** Whether a hub's address means the same on another computer. */
function isElsewhere(address: string): boolean {
  return address !== "" && !/^(localhost|127\.|\[?::1\]?)/.test(address);
}

/** Makes the runner of a program that nobody has asked for yet. */
export function createSshRunner(program: Program, context: LocalContext, host: SshHost): Runner {
  return createLocalRunner(program, {
    ...context,
    launcher: host,
    outOfMemory: UNKNOWN_MEMORY,
    /** What there is without abcd: this computer's paths mean nothing there. */
    environment(program) {
      const { ABCD_SERVER: server = "", ABCD_BEACON_PORT: port } = context.environment(program);
      return {
        ABCD_NAME: program.name,
        ...(isElsewhere(server) ? { ABCD_SERVER: server } : {}),
        ...(port === undefined ? {} : { ABCD_BEACON_PORT: port }),
        ...program.env,
      };
    },
  });
}
