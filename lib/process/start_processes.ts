// Which processes belong to a start of a program, by what they carry in their environment.

import {
  childrenOf,
  commandLine,
  listProcesses,
  type ProcessStat,
  readProcess,
  startVariable,
} from "./proc_fs.ts";
import { HOLDER_NAME } from "./holder.ts";

/** The variable that marks a process, and all that come of it, as of one start. */
export const RUN_ID = "ABCD_RUN_ID";

/** Processes that were started with this id, and what came of them. */
export function carriers(id: string, all = listProcesses()): ProcessStat[] {
  return all.filter(({ pid }) => startVariable(pid, RUN_ID) === id);
}

/** Every start of which a process lives, whose id begins so. */
export function liveStarts(prefix: string): Map<string, ProcessStat[]> {
  const found = new Map<string, ProcessStat[]>();
  for (const stat of listProcesses()) {
    const id = startVariable(stat.pid, RUN_ID);
    if (id?.startsWith(prefix)) found.set(id, [...found.get(id) ?? [], stat]);
  }
  return found;
}

/** Whether a process is the shell that holds a program, or was called by it. */
export function isHolder(pid: number): boolean {
  return commandLine(pid).includes(` ${HOLDER_NAME} `);
}

/** Whether one of these processes is the shell that holds the program. */
export function isHeld(processes: readonly ProcessStat[]): boolean {
  return processes.some(({ pid }) => isHolder(pid));
}

/** The program of a start, by its shell: the one process of that which leads a session. */
export function heldBy(id: string): ProcessStat | undefined {
  const all = carriers(id);
  const holders = all.filter(({ pid }) => isHolder(pid)).map(({ pid }) => pid);
  return all.find(({ pid, session, parent }) => session === pid && holders.includes(parent));
}

/** Those that descend from the leader of a session, and are in it, as far as the kernel lists children. */
export function jobsOf(leader: number): readonly ProcessStat[] {
  const found: ProcessStat[] = [];
  const look = (pid: number) => {
    for (const child of childrenOf(pid)) {
      const stat = readProcess(child);
      if (stat?.session !== leader) continue;
      found.push(stat);
      look(child);
    }
  };
  look(leader);
  return found;
}
