// What a key does in the live table: (state, key, what is shown) → the next state and what to do.
// Pure: the terminal and the experiment are elsewhere.

import { type ExperimentStatus, isUnwell, type ProgramStatus } from "../status/program_status.ts";
import type { Key } from "./keys.ts";

/** What a key can make the controller do. */
export type LiveCommand = "start" | "stop" | "restart";
/** What a key can make of the data-taking run. */
export type LiveRunCommand = "start-run" | "stop-run" | "make-safe" | "leave-safe";

/** What somebody sees, and where in it. */
export interface LiveState {
  readonly page: "table" | "help" | "logs" | "why";
  /** A question that the next key answers, or the filter that is being typed. */
  readonly asks?: "stop" | "restart" | LiveRunCommand | "quit" | "filter";
  /** The run that `stop-run` is asked about. */
  readonly run?: number;
  /** The program that is selected; of the rows of before, if it is no longer there. */
  readonly selected?: string;
  /** Only programs whose name, state or host contains this. */
  readonly filter: string;
  /** Lines away from where the page begins: back from the end of logs, on from the top of others. */
  readonly scroll: number;
}

/** What there is to see now. */
export interface LiveSight {
  readonly status: ExperimentStatus;
  /** Rows of a page, by which `pageup` moves. */
  readonly rows: number;
  /** Whether `q` asks first, for it stops the experiment. */
  readonly quitAsks: boolean;
}

/** What to do. */
export type LiveAction =
  | { readonly do: LiveCommand; readonly program: string }
  /** `run`: the run that is to be stopped, and no other. */
  | { readonly do: LiveRunCommand; readonly run?: number }
  | { readonly do: "quit" };

/** The state at the beginning. */
export const LIVE_START: LiveState = { page: "table", filter: "", scroll: 0 };

/** The programs that the filter leaves. */
export function filtered(programs: readonly ProgramStatus[], filter: string): ProgramStatus[] {
  const wanted = filter.toLowerCase();
  return programs.filter(({ name, state, ready, host = "" }) =>
    [name, state === "running" && ready ? "ready" : state, host].some((text) =>
      text.toLowerCase().includes(wanted)
    )
  );
}

/** The program that is selected among those shown: the first if none is. */
export function selectedProgram(state: LiveState, status: ExperimentStatus) {
  const shown = filtered(status.programs, state.filter);
  return shown.find(({ name }) => name === state.selected) ?? shown[0];
}

function inFilter(state: LiveState, key: Key): LiveState {
  if (key === "enter") return { ...state, asks: undefined };
  if (key === "escape") return { ...state, asks: undefined, filter: "" };
  if (key === "backspace") {
    return { ...state, filter: Array.from(state.filter).slice(0, -1).join("") };
  }
  const isCharacter = Array.from(key).length === 1;
  return isCharacter && state.filter.length < 40 ? { ...state, filter: state.filter + key } : state;
}

/** By how much a key moves; `undefined` if it does not. */
function moveOf(key: Key, rows: number): number | undefined {
  return {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    pageup: -rows,
    pagedown: rows,
    home: -Infinity,
    g: -Infinity,
    end: Infinity,
    G: Infinity,
  }[key];
}

/** The next program behind one that is not well; else the same again. */
function nextUnwell(
  status: ExperimentStatus,
  filter: string,
  from: string | undefined,
): string | undefined {
  const all = filtered(status.programs, filter);
  const at = all.findIndex(({ name }) => name === from) + 1;
  return [...all.slice(at), ...all.slice(0, at)].find(isUnwell)?.name ?? from;
}

function inTable(state: LiveState, key: Key, sight: LiveSight): LiveState | LiveAction {
  const { status, rows } = sight;
  const program = selectedProgram(state, status)?.name;
  const move = moveOf(key, rows);
  if (move !== undefined) {
    const names = filtered(status.programs, state.filter).map(({ name }) => name);
    const at = Math.max(0, names.indexOf(program ?? ""));
    const next = Math.max(0, Math.min(names.length - 1, at + move));
    return { ...state, selected: names[next] };
  }
  if (key === "n") return { ...state, selected: nextUnwell(sight.status, state.filter, program) };
  if (key === "/") return { ...state, asks: "filter" };
  if (key === "escape") return { ...state, filter: "" };
  if (key === "R") {
    const { phase = "idle", repeat, number } = status.run ?? {};
    const isOpen = phase !== "idle" || repeat === true;
    return { ...state, ...(isOpen ? { asks: "stop-run", run: number } : { asks: "start-run" }) };
  }
  if (key === "!") {
    return { ...state, asks: status.safe === undefined ? "make-safe" : "leave-safe" };
  }
  if (program === undefined) return state;
  // The program that was looked at stays selected, whatever comes before it in the meantime.
  const here = { ...state, selected: program, scroll: 0 };
  if (key === "s") return { do: "start", program };
  if (key === "t") return { ...here, asks: "stop" };
  if (key === "r") return { ...here, asks: "restart" };
  if (key === "l" || key === "enter") return { ...here, page: "logs" };
  if (key === "w") return { ...here, page: "why" };
  return state;
}

/** What a key does. */
export function press(
  state: LiveState,
  key: Key,
  sight: LiveSight,
): { readonly state: LiveState; readonly action?: LiveAction } {
  if (key === "ctrl-c") return { state, action: { do: "quit" } };
  const { asks } = state;
  if (asks === "filter") return { state: inFilter(state, key) };
  if (asks !== undefined) {
    const answered = { ...state, asks: undefined };
    if (key !== "y" && key !== "Y") return { state: answered };
    // Somebody else may have stopped that run and started another while this was asked.
    if (asks === "stop-run") return { state: answered, action: { do: asks, run: state.run } };
    if (asks !== "stop" && asks !== "restart") return { state: answered, action: { do: asks } };
    const { selected } = state;
    // Not the program that stands there by now, if that which was asked about has gone.
    const isThere = sight.status.programs.some(({ name }) => name === selected);
    return isThere && selected !== undefined
      ? { state: answered, action: { do: asks, program: selected } }
      : { state: answered };
  }
  if (key === "q" && state.page === "table") {
    return sight.quitAsks
      ? { state: { ...state, asks: "quit" } }
      : { state, action: { do: "quit" } };
  }
  if (key === "?" && state.page === "table") {
    return { state: { ...state, page: "help", scroll: 0 } };
  }
  if (state.page === "table") {
    const next = inTable(state, key, sight);
    return "do" in next ? { state, action: next } : { state: next };
  }
  const move = moveOf(key, sight.rows);
  if (move !== undefined) {
    const back = state.page === "logs" ? -move : move;
    const scroll = Math.max(0, Math.min(100_000, state.scroll + back));
    return { state: { ...state, scroll } };
  }
  const other = ({ l: "logs", w: "why" } as const)[key];
  const isBack = key === "q" || key === "escape" || key === "?" || other === state.page;
  if (isBack || key === "enter") return { state: { ...state, page: "table", scroll: 0 } };
  if (other !== undefined && state.page !== "help") {
    return { state: { ...state, page: other, scroll: 0 } };
  }
  return { state };
}
