// Data-taking runs as text for people: the title of the table, the lines of `abcd runs`, a record.
// Pure.

import type { RunRecord } from "../data_run/run_record.ts";
import type { RunStatus, RunSummary, SafeStatus } from "../status/run_status.ts";
import { showDuration } from "../units.ts";

/** Local day and time of a Unix time in seconds: `2026-11-24 03:05:07`. */
export function showTime(time: number): string {
  const date = new Date(time * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A label in the title is cut to this width: what comes behind it matters more. */
const MOST_LABEL = 24;

/** The run in the table's title: `run 17 "cosmics" 2h03m good`. Empty: there are no runs here. */
export function runTitle(run: RunStatus | undefined, now: number): string {
  if (run === undefined) return "";
  const { phase, number, label = "", begin, verdict, waiting = [], forSec } = run;
  if (phase === "idle" && run.repeat === true) {
    return `no run (last: ${number} ${verdict ?? ""}, the next one follows)`;
  }
  if (phase === "idle") {
    return number === undefined ? "no run" : `no run (last: ${number} ${verdict ?? ""})`;
  }
  const shown = label.length > MOST_LABEL ? `${label.slice(0, MOST_LABEL - 1)}…` : label;
  const name = label === "" ? `run ${number}` : `run ${number} "${shown}"`;
  const length = showDuration(now - (begin ?? now));
  const of = forSec === undefined ? "" : ` of ${showDuration(forSec)}`;
  if (phase === "running") return `${name} ${length}${of} ${verdict ?? ""}`;
  return `${name} ${phase}${waiting.length === 0 ? "" : `, waits for ${waiting.join(", ")}`}`;
}

/** That the experiment is safe, in the table's title; empty: it is not. */
export function safeTitle(safe: SafeStatus | undefined): string {
  return safe === undefined ? "" : `■ SAFE: ${safe.reason}`;
}

/** What there is to say of a run in one sentence: `run 17 has ended: tainted (ccd1: exit code 3)`. */
export function describeRun(run: RunStatus): string {
  const { phase, number, verdict, reason } = run;
  if (number === undefined) return "there is no run";
  const why = reason === undefined || verdict === "good" ? "" : ` (${reason})`;
  if (phase === "idle") return `run ${number} has ended: ${verdict ?? "?"}${why}`;
  const { waiting = [] } = run;
  if (phase === "running") return `run ${number} is running${why}`;
  return `run ${number} is ${phase}${
    waiting.length === 0 ? "" : `, waits for ${waiting.join(", ")}`
  }${why}`;
}

function lengthOf({ begin, end }: { readonly begin: number; readonly end?: number }, now: number) {
  return showDuration((end ?? now) - begin);
}

/** The table of `abcd runs`, the newest last. */
export function runLines(runs: readonly RunSummary[], now: number): string[] {
  if (runs.length === 0) return ["no runs yet"];
  const rows = runs.map((one) => [
    String(one.run),
    one.label,
    showTime(one.begin),
    lengthOf(one, now),
    one.verdict ?? one.phase,
    one.notes === 0 ? "" : String(one.notes),
    one.verdict === "good" ? "" : one.reason ?? "",
  ]);
  const all = [["RUN", "LABEL", "BEGIN", "LENGTH", "VERDICT", "NOTES", "WHY"], ...rows];
  const widths = [0, 1, 2, 3, 4, 5].map((i) =>
    Math.min(i === 1 ? 30 : 40, Math.max(...all.map((row) => row[i]?.length ?? 0)))
  );
  return all.map((row) =>
    row.map((cell, i) => {
      const width = widths[i] ?? 0;
      const cut = i === 1 && cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
      return i === 0 || i === 3 || i === 5 ? cut.padStart(width) : cut.padEnd(width);
    }).join("  ").trimEnd()
  );
}

const howMany = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** One run, all that matters to who looks at its data. */
export function recordLines(record: RunRecord, now: number): string[] {
  const { run, label, experiment, phase, verdict, reason, begin, end, started } = record;
  const title = label === "" ? `Run ${run}` : `Run ${run} "${label}"`;
  const rows: (readonly [string, string])[] = [
    ["experiment", experiment],
    ["verdict", verdict ?? (phase === "running" ? "it goes on" : phase)],
    ["why", reason ?? ""],
    ["begin", `${showTime(begin)}, by ${record.startedBy}`],
    ["all ready", started === undefined ? "" : `${(started - begin).toFixed(1)} s later`],
    ["end", end === undefined ? "" : showTime(end)],
    ["stopped by", record.stoppedBy ?? ""],
    ["planned", record.forSec === undefined ? "" : showDuration(record.forSec)],
    ["length", lengthOf(record, now)],
    ["told", record.participants.map(({ program, order }) => `${program} (${order})`).join(", ")],
  ];
  const lines = [
    title,
    ...rows.filter(([, text]) => text !== "").map(([key, text]) => `  ${key.padEnd(12)}${text}`),
  ];
  const section = (name: string, all: readonly string[]) => {
    if (all.length > 0) lines.push(`${name}:`, ...all.map((line) => `  ${line}`));
  };
  section("Taints", record.taints);
  section(
    "Without a controller",
    record.gaps.map(({ from, to }) => `${showTime(from)} for ${showDuration(to - from)}`),
  );
  section(
    "Programs that ended, or were not heard any more",
    Object.entries(record.programs).flatMap(([name, { restarts, ends }]) => [
      `${name}: ${howMany(ends.length, "end")}, ${howMany(restarts, "restart")}`,
      ...ends.map(({ time, text }) => `  ${showTime(time)}  ${text}`),
    ]),
  );
  section("Notes", record.notes.map(({ time, by, text }) => `${showTime(time)}  ${by}: ${text}`));
  return lines;
}
