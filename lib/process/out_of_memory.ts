// Whether the kernel killed a process for want of memory. It tells nobody but its own log, which not
// everybody may read, and its counters, which do not say whom.

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

/** Watches the kernel's counters. */
export interface OutOfMemoryWatch {
  /** Looks at the counters; to be called about once a second. */
  look(): void;
  /** Whether a process that has just been found to have ended by SIGKILL was killed so. */
  judge(victim: Victim): { readonly outOfMemory: OutOfMemory; readonly kill?: KernelKill };
}

/** What a kill of the last so many milliseconds may have to do with an end that is found now. */
const RECENT_MS = 5000;

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** The count of kills: of this computer; inside a container of all of its containers together. */
function countKills(): number | undefined {
  const count = /^oom_kill (\d+)$/m.exec(read("/proc/vmstat") ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
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
  readonly kernelLog?: () => string;
}

/** Begins to watch. */
export function watchOutOfMemory(options: OutOfMemoryOptions): OutOfMemoryWatch {
  const { now, count = countKills, kernelLog = readKernelLog } = options;
  const atFirst = count();
  let last = atFirst;
  let roseAt = -Infinity;

  function look(): void {
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
      if (kill !== undefined) return { outOfMemory: "yes", kill };
      return { outOfMemory: now() - roseAt <= RECENT_MS ? "perhaps" : "no" };
    },
  };
}
