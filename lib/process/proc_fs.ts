// What Linux tells of its processes under /proc.

/** One line of `/proc/PID/stat`, as far as it is of use here. */
export interface ProcessStat {
  readonly pid: number;
  /** Its name, cut at 15 characters by the kernel. */
  readonly name: string;
  /** `R`, `S`, `D`, `T`; `Z` and `X`: dead. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Processor time used, in seconds. */
  readonly cpuSec: number;
  /** When it started, in clock ticks since the boot: with the pid, this is one process alone. */
  readonly startTicks: number;
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
}

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Deno runs on. */
const TICKS_PER_SEC = 100;

let pages: number | undefined;

/** The size of this computer's pages, in bytes: 4096, but on a Raspberry Pi 5 and others 16384. */
function pageBytes(): number {
  return pages ??= readPageBytes();
}

function readPageBytes(): number {
  try {
    // Pairs of words of 64 bits that the kernel gives to each program; AT_PAGESZ is 6 (getauxval(3)).
    const words = new BigUint64Array(Deno.readFileSync("/proc/self/auxv").slice().buffer);
    for (let i = 0; i + 1 < words.length; i += 2) if (words[i] === 6n) return Number(words[i + 1]);
  } catch {
    // not there, or not for us to read
  }
  return 4096;
}

/** Reads a line of `/proc/PID/stat`, of a computer with such pages; `undefined` if it is none. */
export function parseStat(line: string, bytesPerPage = pageBytes()): ProcessStat | undefined {
  const open = line.indexOf("(");
  const close = line.lastIndexOf(")");
  if (open < 1 || close < open) return undefined;
  const fields = line.slice(close + 2).split(" ");
  // proc(5) counts from 1, and `state` is its field 3.
  const field = (n: number) => Number(fields[n - 3]);
  const stat = {
    pid: Number(line.slice(0, open)),
    name: line.slice(open + 1, close),
    state: fields[0] ?? "",
    parent: field(4),
    group: field(5),
    session: field(6),
    cpuSec: (field(14) + field(15)) / TICKS_PER_SEC,
    startTicks: field(22),
    memoryBytes: field(24) * bytesPerPage,
  };
  return Number.isSafeInteger(stat.pid) && Number.isSafeInteger(stat.startTicks) ? stat : undefined;
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // it ended while we looked, or is not ours to see
  }
}

/** Whether this system tells of its processes; without it none is found again. */
export function hasProcFs(): boolean {
  return readProcess(Deno.pid) !== undefined;
}

/** A process, if there is one; one that only waits to be reaped is none. */
export function readProcess(pid: number): ProcessStat | undefined {
  const stat = parseStat(read(`/proc/${pid}/stat`) ?? "");
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? undefined : stat;
}

/** The pids there are, also of processes that only wait to be reaped: one cheap look for all. */
export function listPids(): Set<number> {
  const pids = new Set<number>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (Number.isInteger(pid)) pids.add(pid);
  }
  return pids;
}

/** All processes, without those that only wait to be reaped. */
export function listProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (stat !== undefined) found.push(stat);
  }
  return found;
}

/** The children of a process's first thread, as far as the kernel lists them; a cheap look. */
export function childrenOf(pid: number): readonly number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? "";
  return text.split(" ").filter((one) => one !== "").map(Number);
}

/** What a process was started with in a variable; `undefined` if it has none or may not be asked. */
export function startVariable(pid: number, name: string): string | undefined {
  const entry = read(`/proc/${pid}/environ`)?.split("\0").find((one) => one.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

/** The command line of a process, words with blanks between. */
export function commandLine(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ").trim();
}

let boot: string | undefined;

/** What differs from one boot of the computer to the next; nothing where that cannot be read. */
export function bootId(): string {
  return boot ??= (read("/proc/sys/kernel/random/boot_id") ?? "").trim();
}

/** Seconds since the boot of `ProcessStat.startTicks`. */
export function startedAt({ startTicks }: ProcessStat): number {
  return startTicks / TICKS_PER_SEC;
}

/** Seconds since the boot now; `undefined` where that cannot be read. No setting of a clock changes it. */
export function uptime(): number | undefined {
  const sec = Number.parseFloat(read("/proc/uptime") ?? "");
  return Number.isFinite(sec) ? sec : undefined;
}

/** The processes that belong to a program: its session, its group, and what descends from it. */
export function treeOf(root: number, all: readonly ProcessStat[]): ProcessStat[] {
  const inTree = new Set([root]);
  for (const stat of all) {
    if (stat.session === root || stat.group === root) inTree.add(stat.pid);
  }
  for (let before = 0; before !== inTree.size;) {
    before = inTree.size;
    for (const { pid, parent } of all) if (inTree.has(parent)) inTree.add(pid);
  }
  return all.filter(({ pid }) => inTree.has(pid));
}
