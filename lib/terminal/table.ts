// The table of an experiment's programs, as lines of text. Pure: what it shows is what it is given.

import { escapeControls } from "../plain_text.ts";
import {
  type ExperimentStatus,
  isUnwell,
  type ProgramState,
  type ProgramStatus,
} from "../status/program_status.ts";
import { showDuration } from "../units.ts";
import { alarmLines } from "./alarm_lines.ts";
import { runTitle, safeTitle } from "./run_text.ts";
import { cutText, textWidth, wrapWords } from "./text_width.ts";

/** Where the table is shown. */
export interface TableView {
  /** Width of the terminal; no line is wider. */
  readonly columns: number;
  /** Height of the terminal; there are no more lines. */
  readonly rows: number;
  /** Whether to colour. */
  readonly color: boolean;
  /** Unix time in seconds. */
  readonly now: number;
  /** Marks this program, and shows the page of the table that it is on. Default: no mark, page 1. */
  readonly selected?: string;
}

function showBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)}B`;
  const units = ["k", "M", "G", "T"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

const SHAPES: Record<ProgramState, string> = {
  stopped: "○",
  waiting: "◌",
  starting: "◐",
  running: "◑",
  backoff: "↻",
  stopping: "◒",
  exited: "□",
  fatal: "✖",
  unreachable: "?",
};
const PAINTS: Record<ProgramState, string> = {
  stopped: "\x1b[2m",
  waiting: "\x1b[36m",
  starting: "\x1b[36m",
  running: "\x1b[36m",
  backoff: "\x1b[33m",
  stopping: "\x1b[33m",
  exited: "\x1b[2m",
  fatal: "\x1b[1;31m",
  unreachable: "\x1b[1;35m",
};

/** A program's state as a word with a shape before it, and its colour. */
function stateOf(program: ProgramStatus): { text: string; paint: string } {
  if (program.state === "running" && program.ready) return { text: "● ready", paint: "\x1b[32m" };
  return { text: `${SHAPES[program.state]} ${program.state}`, paint: PAINTS[program.state] };
}

/** What there is to say of a program: why it is as it is, else its last line. */
export function lastOf(program: ProgramStatus, now: number): string {
  const { reason, retryAt, lastLine, lastLines, state, ready, said } = program;
  const line = lastLine ?? lastLines?.at(-1) ?? "";
  // What the program says of itself on purpose tells more than its last line of output.
  if (state === "running" && said !== undefined) {
    return (said.text ?? "") === "" ? said.state : `${said.state}: ${said.text}`;
  }
  if (state === "running" && ready) return line === "" ? reason ?? "" : line;
  const again = state === "backoff" && retryAt !== undefined
    ? `again in ${showDuration(Math.ceil(retryAt - now))}`
    : "";
  const why = [reason ?? "", again].filter((part) => part !== "").join("; ");
  // Of what has ended, its last words tell most.
  const isOver = state === "backoff" || state === "fatal" || state === "exited";
  return why === "" ? line : isOver && line !== "" ? `${why} | ${line}` : why;
}

/**
 * How long something has been so: seconds only while they matter, as each of them is a change in
 * each row, which a slow line has to carry.
 */
function showSince(seconds: number): string {
  return seconds < 60 || seconds >= 3600 ? showDuration(seconds) : `${Math.floor(seconds / 60)}m`;
}

interface Column {
  readonly title: string;
  /** Which columns go first where there is no room: the highest. 0: never. */
  readonly drop: number;
  readonly right?: boolean;
  /** Cut to this width, */
  readonly most?: number;
  /** or this on a terminal of fewer than {@linkcode NARROW} columns. */
  readonly narrow?: number;
  cell(program: ProgramStatus, now: number): string;
}

const COLUMNS: readonly Column[] = [
  { title: "NAME", drop: 0, most: 20, narrow: 14, cell: (p) => p.name },
  { title: "STATE", drop: 0, cell: (p) => stateOf(p).text },
  { title: "PID", drop: 3, right: true, cell: (p) => p.pid === undefined ? "" : String(p.pid) },
  { title: "HOST", drop: 4, most: 16, cell: (p) => p.host ?? "" },
  { title: "SINCE", drop: 1, right: true, cell: (p, now) => showSince(now - p.since) },
  { title: "RST", drop: 2, right: true, cell: (p) => String(p.restarts) },
  {
    title: "CPU",
    drop: 5,
    right: true,
    cell: (p) => p.cpuPercent === undefined ? "" : `${Math.round(p.cpuPercent)}%`,
  },
  {
    title: "MEM",
    drop: 6,
    right: true,
    cell: (p) => p.memoryBytes === undefined ? "" : showBytes(p.memoryBytes),
  },
];

const NARROW = 72;
const GAP = "  ";
const MARK = "› ";
/** A last line that is narrower than this says too little: a column goes instead. */
const LEAST_LAST = 16;

function countsOf(programs: readonly ProgramStatus[]): string {
  const counts = new Map<string, number>();
  for (const program of programs) {
    const { text } = stateOf(program);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  if (programs.length === 0) return "no programs";
  // What is wrong first: a narrow terminal cuts the end.
  const order = ["✖", "?", "↻", "◐", "◑", "◌", "◒", "●", "○", "□"];
  return [...counts].sort(([a], [b]) => order.indexOf(a[0] ?? "") - order.indexOf(b[0] ?? ""))
    .map(([text, n]) => `${text.slice(0, 1)} ${n} ${text.slice(2)}`).join(GAP);
}

/**
 * The table of an experiment: a title, then a row for each program. No line is wider than
 * `view.columns`, and there are at most `view.rows` lines.
 */
export function renderTable(status: ExperimentStatus, view: TableView): string[] {
  const { columns, rows, color, now, selected } = view;
  if (columns < 1 || rows < 1) return [];
  const paint = (code: string, text: string) =>
    color && code !== "" && text !== "" ? `${code}${text}\x1b[0m` : text;

  const hub = status.hub === undefined ? "no hub" : `hub ${status.hub}`;
  const parts = [
    status.experiment,
    safeTitle(status.safe),
    runTitle(status.run, now),
    hub,
    countsOf(status.programs),
  ];
  const title = escapeControls(parts.filter((part) => part !== "").join(GAP));
  const isSafe = status.safe !== undefined;
  const lines = [paint(isSafe ? "\x1b[1;7;31m" : "\x1b[1m", cutText(title, columns))];

  const alarms = alarmLines(status, rows);
  // What to do stands at their end: they are cut only where the programs need the lines.
  const whole = alarms.flatMap(({ text, code }) =>
    wrapWords(text, columns).map((line) => ({ text: line, code }))
  );
  const hasRoom = lines.length + whole.length + 1 + status.programs.length <= rows;
  for (const { text, code } of hasRoom ? whole : alarms) {
    lines.push(paint(code, cutText(text, columns)));
  }

  const hasHost = status.programs.some((p) => p.host !== undefined);
  let shown = COLUMNS.filter((c) => c.title !== "HOST" || hasHost);
  const mostOf = ({ most = columns, narrow = most }: Column) => columns < NARROW ? narrow : most;
  const texts = new Map(
    COLUMNS.map((c) => [
      c.title,
      status.programs.map((p) => cutText(escapeControls(c.cell(p, now)), mostOf(c))),
    ]),
  );
  const widthOf = (c: Column) =>
    Math.max(c.title.length, ...(texts.get(c.title) ?? []).map(textWidth));
  const marked = selected === undefined ? 0 : MARK.length;
  const total = () => shown.reduce((sum, c) => sum + widthOf(c) + GAP.length, marked);
  while (total() + LEAST_LAST > columns) {
    const most = Math.max(...shown.map((c) => c.drop));
    if (most === 0) break;
    shown = shown.filter((c) => c.drop !== most);
  }

  function row(
    cellOf: (c: Column) => { text: string; paint: string },
    last: string,
    mark: string,
  ): string {
    let line = cutText(mark, columns);
    let room = columns - textWidth(line);
    for (const c of shown) {
      const { text, paint: code } = cellOf(c);
      const cell = cutText(text, room);
      const pad = " ".repeat(Math.max(0, Math.min(room, widthOf(c)) - textWidth(cell)));
      line += c.right ? pad + paint(code, cell) : paint(code, cell) + pad;
      room -= textWidth(cell) + pad.length;
      const gap = GAP.slice(0, room);
      line += gap;
      room -= gap.length;
    }
    return (line + cutText(last, room)).trimEnd();
  }

  const unmarked = selected === undefined ? "" : " ".repeat(MARK.length);
  if (rows > 2) {
    lines.push(paint("\x1b[2m", row((c) => ({ text: c.title, paint: "" }), "LAST", unmarked)));
  }
  const count = status.programs.length;
  const room = rows - lines.length;
  const fit = count <= room ? count : Math.max(0, room - 1);
  // Page by page and not line by line: a step to the next program changes two rows, not all.
  const at = Math.max(0, status.programs.findIndex(({ name }) => name === selected));
  const first = fit === 0 ? 0 : Math.floor(at / fit) * fit;
  for (const [i, program] of [...status.programs.entries()].slice(first, first + fit)) {
    const isSelected = program.name === selected;
    lines.push(row(
      (c) => ({
        text: texts.get(c.title)?.[i] ?? "",
        paint: c.title === "STATE"
          ? stateOf(program).paint
          : c.title === "NAME" && isSelected
          ? "\x1b[1m"
          : "",
      }),
      escapeControls(lastOf(program, now)),
      isSelected ? MARK : unmarked,
    ));
  }
  if (fit < count && lines.length < rows) {
    const more = first === 0
      ? `… ${count - fit} more`
      : `${first + 1} to ${Math.min(count, first + fit)} of ${count}`;
    const unwell = status.programs.filter((program, i) =>
      isUnwell(program) && (i < first || i >= first + fit)
    ).length;
    if (unwell === 0) lines.push(paint("\x1b[2m", cutText(more, columns)));
    else lines.push(paint("\x1b[33m", cutText(`${more}; ${unwell} not well: press n`, columns)));
  }
  return lines;
}
