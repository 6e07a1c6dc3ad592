// deno task bench supervise: abcd run beside supervisord, on the same programs. What is not
// installed is left out. Needs Linux, for /proc.

import { listProcesses, type ProcessStat, startVariable } from "../../lib/process/proc_fs.ts";
import { abcdKind, type Job, type Kind, outputOf, SUPERVISORD } from "./supervisors.ts";

const PROGRAMS = 50;
/** Length of the look at an idle supervisor, in seconds. */
const IDLE_SEC = 15;
const DEATHS = 10;
const FLOOD_LINES = 5_000_000;
const LONGEST_SEC = 120;
const BINARY = "dist/abcd";

interface Figures {
  readonly startSec: number;
  readonly idlePercent: number;
  readonly memoryBytes: number;
  readonly backMs: readonly number[];
  readonly floodSec: number;
  readonly floodLost: number;
  readonly killedLost: string;
}

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>) {
  const deadline = performance.now() + LONGEST_SEC * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`Waited ${LONGEST_SEC} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The programs' own processes: each has a mark in its environment, and is its shell or what it became. */
function instances(mark: string): ProcessStat[] {
  return listProcesses().filter(({ pid, name }) =>
    name === "sleep" && startVariable(pid, "BENCH_MARK") === mark
  );
}

/** A supervisor, and what it holds its programs with; not the programs. */
function overhead(root: number, mark: string): ProcessStat[] {
  const all = listProcesses();
  const held = new Set([root]);
  for (let before = 0; before !== held.size;) {
    before = held.size;
    for (const { pid, parent } of all) if (held.has(parent)) held.add(pid);
  }
  const programs = new Set(instances(mark).map(({ pid }) => pid));
  return all.filter(({ pid }) => held.has(pid) && !programs.has(pid));
}

/** Memory of its own and its part of what it shares, in bytes. */
function memoryOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return 1024 * Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
}

async function measureMany(kind: Kind, folder: string): Promise<Partial<Figures>> {
  const mark = crypto.randomUUID();
  const jobs: Job[] = Array.from({ length: PROGRAMS }, (_, i) => ({
    name: `p${i}`,
    line: `export BENCH_MARK=${mark}; exec sleep 100000`,
  }));
  const begin = performance.now();
  const supervised = await kind.start(jobs, folder);
  try {
    await until("not all run", () => instances(mark).length === PROGRAMS ? true : undefined);
    const startSec = (performance.now() - begin) / 1000;
    await pause(5000);
    const cpu = () => overhead(supervised.pid, mark).reduce((sum, one) => sum + one.cpuSec, 0);
    const before = cpu();
    const from = performance.now();
    await pause(IDLE_SEC * 1000);
    const idlePercent = 100_000 * (cpu() - before) / (performance.now() - from);
    const memoryBytes = overhead(supervised.pid, mark)
      .reduce((sum, { pid }) => sum + memoryOf(pid), 0);
    const backMs: number[] = [];
    for (let i = 0; i < DEATHS; i++) {
      const known = new Set(instances(mark).map(({ pid }) => pid));
      const [victim = 0] = known;
      const killed = performance.now();
      Deno.kill(victim, "SIGKILL");
      await until(
        "it is not back",
        () => instances(mark).some(({ pid }) => !known.has(pid)) ? true : undefined,
      );
      backMs.push(performance.now() - killed);
      await pause(100 + 150 * Math.random());
    }
    return { startSec, idlePercent, memoryBytes, backMs: backMs.sort((a, b) => a - b) };
  } finally {
    await supervised.stop();
  }
}

/** How many of the numbers 1 to `last` are not in the output, each in a line of its own. */
async function missing(path: string, last: number): Promise<number> {
  const seen = new Uint8Array(last + 1);
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of outputOf(path)) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (/^\d+$/.test(line)) seen[Number(line)] = 1;
  }
  let count = 0;
  for (let i = 1; i <= last; i++) if (seen[i] === 0) count++;
  return count;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function measureFlood(kind: Kind, folder: string): Promise<Partial<Figures>> {
  const done = `${folder}/done`;
  const line = `test -e ${done} || seq 1 ${FLOOD_LINES}; touch ${done}; exec sleep 100000`;
  const supervised = await kind.start([{ name: "flood", line }], folder);
  try {
    const path = supervised.output("flood");
    await until("it does not begin", () => isThere(path) ? true : undefined);
    const begin = performance.now();
    await until("the flood does not end", () => isThere(done) ? true : undefined);
    const floodSec = (performance.now() - begin) / 1000;
    await pause(3000);
    return { floodSec, floodLost: await missing(path, FLOOD_LINES) };
  } finally {
    await supervised.stop();
  }
}

/** The supervisor is killed while a program counts: does it live on, and what of its lines is kept? */
async function measureKill(kind: Kind, folder: string): Promise<Partial<Figures>> {
  const mark = `${folder}/count`;
  const line = `i=0; echo $$ >>${mark}; ` +
    `while test $i -lt 300; do i=$((i+1)); echo $i; sleep 0.01; done; exec sleep 100000`;
  let supervised = await kind.start([{ name: "count", line }], folder);
  try {
    const path = supervised.output("count");
    await until("it does not count", () => isThere(path) && isThere(mark) ? true : undefined);
    await pause(1000);
    supervised = await supervised.replace();
    await pause(6000);
    const begun = Deno.readTextFileSync(mark).trim().split("\n");
    const alive = begun.filter((pid) => isThere(`/proc/${pid}`)).length;
    const lost = await missing(path, 300);
    const killedLost = begun.length === 1
      ? `the program lives on, ${lost} of its lines lost`
      : `a second copy is started; ${alive} run`;
    for (const pid of begun) {
      if (begun.length > 1 && isThere(`/proc/${pid}`)) Deno.kill(Number(pid), "SIGKILL");
    }
    return { killedLost };
  } finally {
    await supervised.stop();
  }
}

async function measure(kind: Kind): Promise<Partial<Figures>> {
  let figures: Partial<Figures> = {};
  for (const part of [measureMany, measureFlood, measureKill]) {
    console.error(`${kind.name}: ${part.name} …`);
    const folder = await Deno.makeTempDir({ prefix: "abcd-bench-" });
    try {
      figures = { ...figures, ...await part(kind, folder) };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  return figures;
}

const one = (value: number | undefined, digits: number, unit: string) =>
  value === undefined ? "" : `${value.toFixed(digits)} ${unit}`;

const ROWS: readonly (readonly [string, (figures: Partial<Figures>) => string])[] = [
  [`start of ${PROGRAMS} programs`, (f) => one(f.startSec, 2, "s")],
  [
    "kill -9 of a program to its successor, median (longest)",
    (f) => `${one(f.backMs?.[DEATHS >> 1], 0, "ms")} (${one(f.backMs?.at(-1), 0, "ms")})`,
  ],
  ["idle: processor", (f) => one(f.idlePercent, 2, "% of a core")],
  ["idle: memory, shared parts once", (f) => one((f.memoryBytes ?? 0) / 1e6, 0, "MB")],
  [`flood of ${FLOOD_LINES / 1e6} M lines`, (f) => one(f.floodSec, 1, "s")],
  ["lines lost in it", (f) => String(f.floodLost ?? "")],
  ["kill -9 of the supervisor", (f) => f.killedLost ?? ""],
];

/** Measures, and writes the table. */
export async function main(): Promise<void> {
  const kinds = [
    abcdKind("abcd run"),
    ...(isThere(BINARY) ? [abcdKind("abcd run, compiled", BINARY)] : []),
    SUPERVISORD,
  ];
  const columns: { readonly title: string; readonly figures: Partial<Figures> }[] = [];
  for (const kind of kinds) {
    const version = await kind.version();
    if (version === undefined) console.error(`${kind.name} is not installed: left out`);
    else columns.push({ title: `${kind.name} (${version})`, figures: await measure(kind) });
  }
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  console.log(line(["", ...columns.map(({ title }) => title)]));
  console.log(line(["---", ...columns.map(() => "---")]));
  for (const [title, show] of ROWS) {
    console.log(line([title, ...columns.map(({ figures }) => show(figures))]));
  }
  console.log(JSON.stringify(columns));
}
