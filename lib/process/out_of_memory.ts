// Whether the kernel killed a process for want of memory. It tells nobody but its own log, which not
// everybody may read, and its counters, which do not say whom: one of the whole computer, and one of
// each group of processes (cgroup), which are those of a service or of a login.

/** What can be known of it. `unknown`: this kernel counts no such thing. */
export type OutOfMemory = "yes" | "perhaps" | "no" | "unknown";

/** A line of the kernel's log that says so. */
export interface KernelKill {
  readonly pid: number;
  readonly name: string;
  /** When, in seconds since the boot. */
  readonly at: number;
  /** Memory it had then, in bytes, as far as the line says. */
  readonly memoryBytes?: number;
}

/** What it is asked of. */
export interface Victim {
  readonly pid: number | undefined;
  /** When it started, in seconds since the boot: a pid comes back. */
  readonly startedAt: number | undefined;
}

/** What is known of an end by SIGKILL. */
export interface MemoryVerdict {
  readonly outOfMemory: OutOfMemory;
  readonly kill?: KernelKill;
}

/** Watches the kernel's counters. */
export interface OutOfMemoryWatch {
  /** Looks at the counters; to be called about once a second. */
  look(): void;
  /** Whether a process that has just been found to have ended by SIGKILL was killed so. */
  judge(victim: Victim): MemoryVerdict;
}

/** What a kill of the last so many milliseconds may have to do with an end that is found now. */
const RECENT_MS = 5000;
/** A kill in this process' own group was of one whose end is found within so many milliseconds. */
const SAME_MS = 1500;

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function readCount(path: string | undefined): number | undefined {
  const text = path === undefined ? undefined : read(path);
  const count = /^oom_kill (\d+)$/m.exec(text ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}

/** The count of kills: of this computer; inside a container of all of its containers together. */
function countKills(): number | undefined {
  return readCount("/proc/vmstat");
}

/** The file with the count of kills in the group of processes to which one of them belongs. */
export function groupFile(cgroup: string): string | undefined {
  const old = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(cgroup)?.[1];
  if (old !== undefined) return `/sys/fs/cgroup/memory${old}/memory.oom_control`;
  const one = /^0::(.*)$/m.exec(cgroup)?.[1];
  // Without the groups within it: what moved into one of those is not with us.
  return one === undefined ? undefined : `/sys/fs/cgroup${one}/memory.events.local`;
}

function countInGroup(): number | undefined {
  return readCount(groupFile(read("/proc/self/cgroup") ?? ""));
}

/** The kills that the kernel's log tells of, oldest first. */
export function parseKernelLog(text: string): KernelKill[] {
  const line = /^(?:<\d+>)?\[\s*(\d+\.\d+)\].*\bKilled process (\d+) \((.*?)\)(.*)$/gm;
  return [...text.matchAll(line)].map(([, at, pid, name = "", rest = ""]) => {
    const kilobytes = /anon-rss:(\d+)kB/.exec(rest)?.[1];
    const memory = kilobytes === undefined ? {} : { memoryBytes: 1024 * Number(kilobytes) };
    return { at: Number(at), pid: Number(pid), name, ...memory };
  });
}

function readKernelLog(): string {
  try {
    // Without its environment nobody's DMESG settings change what it writes.
    const { stdout } = new Deno.Command("dmesg", {
      args: ["-r"],
      clearEnv: true,
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return ""; // not there, or not for us to read
  }
}

/** Options of {@linkcode watchOutOfMemory}; each default asks this computer's kernel. */
export interface OutOfMemoryOptions {
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  readonly count?: () => number | undefined;
  /** The same for the group of processes that this one is in, and what it starts. */
  readonly groupCount?: () => number | undefined;
  readonly kernelLog?: () => string;
}

/** Begins to watch. */
export function watchOutOfMemory(options: OutOfMemoryOptions): OutOfMemoryWatch {
  const { now, count = countKills, kernelLog = readKernelLog } = options;
  const { groupCount = countInGroup } = options;
  let last = count();
  let roseAt = -Infinity;
  let lastInGroup = groupCount();
  /** Kills in the group of which it is not known yet whom, and when they were seen. */
  let unknown = 0;
  let seenAt = -Infinity;

  function look(): void {
    const inGroup = groupCount();
    const more = Math.max(0, (inGroup ?? 0) - (lastInGroup ?? inGroup ?? 0));
    lastInGroup = inGroup;
    if (now() - seenAt > SAME_MS) unknown = 0;
    if (more > 0) {
      unknown += more;
      seenAt = now();
    }
    const current = count();
    if (current !== undefined && last !== undefined && current > last) roseAt = now();
    last = current;
  }

  return {
    look,
    judge({ pid, startedAt }) {
      look();
      if (last === undefined) return { outOfMemory: "unknown" };
      // Not once since the boot: then surely not this one.
      if (last === 0) return { outOfMemory: "no" };
      const kill = parseKernelLog(kernelLog()).findLast((one) =>
        one.pid === pid && one.at >= (startedAt ?? 0) - 1
      );
      if (kill !== undefined) {
        unknown = Math.max(0, unknown - 1);
        return { outOfMemory: "yes", kill };
      }
      if (unknown > 0) {
        unknown--;
        return { outOfMemory: "yes" };
      }
      return { outOfMemory: now() - roseAt <= RECENT_MS ? "perhaps" : "no" };
    },
  };
}
