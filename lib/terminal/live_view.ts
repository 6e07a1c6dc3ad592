// The live table as lines of text: its state and the experiment's in, lines out. Pure.

import { escapeControls } from "../plain_text.ts";
import type { ExperimentStatus } from "../status/program_status.ts";
import { filtered, type LiveState, selectedProgram } from "./live_state.ts";
import { lastOf, renderTable, type TableView } from "./table.ts";
import { cutText, wrapText, wrapWords } from "./text_width.ts";

/** What is shown beside the table. */
export interface LiveTexts {
  /** What the last command came to. */
  readonly said: string;
  /** The page of logs or of verdicts, if that is open. */
  readonly lines: readonly string[];
  /** The question that `q` asks. */
  readonly quitQuestion: string;
  /** What is said in the place of the keys, as all ends. */
  readonly ending: string;
}

const KEYS = [
  "s start   t stop   r restart   l logs   w why   R run   / filter   ? help   q quit",
  "s start t stop r restart l logs w why R run / filter ? help q quit",
  "s start t stop r restart l logs w why R run ? help q quit",
  "? help  q quit",
];
const HELP = [
  "up, down, k, j      select a program",
  "page up, page down  a page of them; home, end: first, last",
  "n                   the next that is not well",
  "s                   start it",
  "t                   stop it; it stays stopped (asks)",
  "r                   restart it (asks)",
  "l, enter            what it wrote last, and writes now",
  "w                   why it ended, each time that is known",
  "R                   start a data-taking run, or stop it (asks)",
  "!                   make all safe, or say that it may go on",
  "/                   show only what contains a text: in name,",
  "                    state or host; escape: all again",
  "q                   quit; from another page: back to the table",
  "Ctrl-L              draw all anew",
  "",
  "● ready  ◑ running  ◐ starting  ◌ waiting for another",
  "↻ failed, will be tried again  ✖ failed, given up",
  "○ stopped  □ ended by itself  ◒ stopping  ? host is away",
];

/** Rows that the table leaves to the lines below it. */
export const ROWS_BELOW = 2;
/** With fewer rows than this there is the table alone. */
const LEAST_ROWS = 6;

function page(title: string, lines: readonly string[], state: LiveState, view: TableView) {
  const { columns, rows, color } = view;
  const room = Math.max(0, rows - 2);
  const wrap = state.page === "logs" ? wrapText : wrapWords;
  const wrapped = lines.flatMap((line) => wrap(escapeControls(line), columns))
    .map((line) => cutText(line, columns));
  const most = Math.max(0, wrapped.length - room);
  const scroll = Math.min(state.scroll, most);
  const from = state.page === "logs" ? most - scroll : scroll;
  const body = wrapped.slice(from, from + room);
  const where = most === 0
    ? ""
    : `  lines ${from + 1} to ${from + body.length} of ${wrapped.length}`;
  const bold = (text: string) => color && text !== "" ? `\x1b[1m${text}\x1b[0m` : text;
  const dim = (text: string) => color && text !== "" ? `\x1b[2m${text}\x1b[0m` : text;
  const blank = Array.from({ length: Math.max(0, room - body.length) }, () => "");
  const keys = state.page === "help" ? "q back" : "q back  up, down: move  l logs  w why";
  return [
    bold(cutText(escapeControls(title + where), columns)),
    ...body,
    ...blank,
    dim(cutText(keys, columns)),
  ].slice(0, rows);
}

function below(
  status: ExperimentStatus,
  state: LiveState,
  texts: LiveTexts,
  view: TableView,
): string {
  const selected = selectedProgram(state, status);
  const name = state.selected ?? "";
  if (state.asks === "filter") return `/${state.filter}_   enter: keep, escape: all`;
  if (state.asks === "quit") return `${texts.quitQuestion} y/n`;
  if (state.asks === "stop") return `Stop ${name}? y/n`;
  if (state.asks === "restart") return `Restart ${name}? y/n`;
  if (state.asks === "start-run") return "Start a data-taking run? y/n";
  if (state.asks === "stop-run") return `Stop run ${state.run}? y/n`;
  if (state.asks === "leave-safe") return "May it go on, has somebody looked? y/n";
  if (state.asks === "make-safe") {
    return "Make the experiment safe? It ends the run; programs go on. y/n";
  }
  if (texts.said !== "") return texts.said;
  if (selected === undefined) {
    return state.filter === "" ? "" : `Nothing contains "${state.filter}"`;
  }
  const detail = lastOf(selected, view.now);
  return detail === "" ? "" : `${selected.name}: ${detail}`;
}

/** The lines to show: at most `view.rows`, none wider than `view.columns`. */
export function liveLines(
  status: ExperimentStatus,
  state: LiveState,
  texts: LiveTexts,
  view: TableView,
): string[] {
  const { columns, rows, color } = view;
  const selected = selectedProgram(state, status);
  const name = state.selected ?? selected?.name ?? "";
  if (columns < 1 || rows < 1) return [];
  if (state.page === "help") return page("Keys", HELP, state, view);
  if (state.page === "logs") return page(`${name}: log`, texts.lines, state, view);
  if (state.page === "why") return page(`${name}: why it ended`, texts.lines, state, view);

  const programs = filtered(status.programs, state.filter);
  const isSmall = rows < LEAST_ROWS && state.asks === undefined;
  const table = renderTable({ ...status, programs }, {
    ...view,
    rows: isSmall ? rows : rows - ROWS_BELOW,
    selected: selected?.name ?? "",
  });
  if (isSmall) return table;
  while (table.length < rows - ROWS_BELOW) table.push("");
  const hidden = status.programs.length - programs.length;
  const filter = state.filter === "" || state.asks === "filter"
    ? ""
    : `filter "${state.filter}" hides ${hidden}, escape: all  `;
  const keys = texts.ending !== ""
    ? texts.ending
    : KEYS.find((line) => filter.length + line.length <= columns) ?? "";
  const text = cutText(escapeControls(below(status, state, texts, view)), columns);
  const strong = state.asks !== undefined && color && text !== "";
  return [
    ...table,
    strong ? `\x1b[1m${text}\x1b[0m` : text,
    ((line) => color && line !== "" ? `\x1b[${texts.ending === "" ? 2 : 1}m${line}\x1b[0m` : line)(
      cutText(escapeControls(filter) + keys, columns),
    ),
  ].slice(-rows);
}
