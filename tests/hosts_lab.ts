// What the tests of hosts share: programs that tell if they are two, and counters without gaps.

import { assertEquals } from "@std/assert";
import { type Running, TestHub } from "./harness.ts";
import type { Lab } from "./run_lab.ts";

/** Runs without end. */
export const FOREVER = "while :; do sleep 0.05; done";
/** Counts up without end; each instance tells its pid. */
export const COUNT = "i=0; while :; do i=$((i+1)); echo $$ $i; sleep 0.01; done";
/** A second instance would say so. */
const ALONE =
  `exec 9>"$WITNESS.lock"; flock -n 9 || { echo "$$ is a second one" >>"$WITNESS.double"; exit 1; }; echo "$$" >>"$WITNESS.begun"; `;

/** A hub whose heart beats quickly. */
export function quickHub(): Promise<TestHub> {
  return TestHub.start(["--heartbeat=0.5", "--timeout=2"]);
}

/** A program that can be one alone, whatever computer it runs on. */
export function alone(lab: Lab, name: string, body: string) {
  return {
    cmd: `${ALONE}${body}`,
    shell: true,
    startSec: 0.1,
    env: { WITNESS: `${lab.path}/${name}` },
  };
}

/** Each instance counted up by one, without a gap; how many instances there were. */
export function assertNoGap(log: string): number {
  const last = new Map<string, number>();
  for (const line of log.split("\n")) {
    const [, pid = "", i = ""] = /^(\d+) (\d+)$/.exec(line) ?? [];
    if (pid === "") continue;
    assertEquals(Number(i), (last.get(pid) ?? 0) + 1, `behind ${pid} ${last.get(pid)}`);
    last.set(pid, Number(i));
  }
  return last.size;
}

/** How many instances of a program there have been. */
export function begun(lab: Lab, name: string): number {
  return lab.text(`${name}.begun`).split("\n").length - 1;
}

/** Ends an experiment as its user does, and looks that nothing is left. */
export async function end(controller: Running, lab: Lab): Promise<void> {
  controller.signal("SIGTERM");
  assertEquals((await controller.end()).code, 0, controller.stderr);
  assertEquals(lab.processes(), []);
}
