// What the tests of programs on computers that are reached through ssh share. The other computer is a
// home folder of its own on this one, behind a stand-in for ssh, whose connections can be cut.

import { assertEquals } from "@std/assert";
import type { Running } from "./harness.ts";
import type { Lab } from "./run_lab.ts";

/** Counts without end, each line with the pid. */
export const COUNT = "i=0; while :; do i=$((i+1)); echo $$ $i; sleep 0.01; done";

/** Runs a program of the system; what it wrote, or `undefined` if it cannot be run. */
export async function system(...line: string[]): Promise<string | undefined> {
  const [program = "", ...args] = line;
  try {
    const { success, stdout } = await new Deno.Command(program, { args, stdin: "null" }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** Puts an `ssh` on the PATH that enters a home folder of its own for each host. */
export function fakeSsh(lab: Lab): { env: Record<string, string>; cut(): void; restore(): void } {
  const bin = `${lab.path}/bin`;
  Deno.mkdirSync(bin);
  Deno.mkdirSync(`${lab.path}/connections`);
  const path = Deno.env.get("PATH") ?? "";
  Deno.writeTextFileSync(
    `${bin}/ssh`,
    `#!/bin/sh
while :; do case "$1" in -o) shift 2;; -*) shift;; *) break;; esac; done
host=$1; shift
test -e ${lab.path}/cut && { echo "ssh: connect to host $host port 22: No route to host" >&2; exit 255; }
mkdir -p ${lab.path}/$host && cd ${lab.path}/$host
: >${lab.path}/connections/$$
exec env -i HOME=$PWD PATH='${path}' /bin/sh -c "$*"
`,
    { mode: 0o755 },
  );
  return {
    env: { PATH: `${bin}:${path}` },
    cut() {
      Deno.writeTextFileSync(`${lab.path}/cut`, "");
      for (const { name } of Deno.readDirSync(`${lab.path}/connections`)) {
        try {
          Deno.kill(Number(name), "SIGKILL");
        } catch {
          // closed before
        }
        Deno.removeSync(`${lab.path}/connections/${name}`);
      }
    },
    restore: () => Deno.removeSync(`${lab.path}/cut`),
  };
}

/** Stops a controller; nothing of its programs is left. */
export async function end(controller: Running, lab: Lab): Promise<void> {
  controller.signal("SIGTERM");
  assertEquals((await controller.end()).code, 0, controller.stderr);
  assertEquals(lab.processes(), []);
}

/** A program of such a computer. */
export const FAR = { host: "me@daq2", via: "ssh", shell: true, screen: false, startSec: 0.1 };
