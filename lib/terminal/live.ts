// The live table on the terminal: an experiment that is looked at and told what to do by keys.

import { asciiOnly } from "./ascii.ts";
import { terminalSize, USUAL_SIZE } from "./size.ts";
import { type ExperimentStatus, goodEnds } from "../status/program_status.ts";
import type { Key } from "./keys.ts";
import {
  LIVE_START,
  type LiveCommand,
  type LiveRunCommand,
  press,
  selectedProgram,
} from "./live_state.ts";
import { liveLines, ROWS_BELOW } from "./live_view.ts";
import { openScreen, type Screen, type ScreenOptions } from "./screen.ts";

/** The experiment that the table shows, in this process or behind a hub. */
export interface LiveSource {
  /** What there is to know now; asked for each second, and so to be had at once. */
  status(): ExperimentStatus;
  /** Does it, and says what came of it, in a line. */
  act(cmd: LiveCommand, programs: readonly string[]): string | Promise<string>;
  /** The same for the data-taking run; `run`: for this one, and no other. */
  actOnRun(cmd: LiveRunCommand, run?: number): Promise<string>;
  /** The last lines of a program's output, oldest first; 200 are plenty. */
  lastLines(program: string): readonly string[] | Promise<readonly string[]>;
  /** Why it ended, each time that is known, in lines; the last end first. */
  why(program: string): readonly string[] | Promise<readonly string[]>;
}

/** Options of {@linkcode showLive}. */
export interface LiveOptions {
  readonly source: LiveSource;
  /** Whether to colour. */
  readonly color: boolean;
  /** Whether the terminal shows more than ASCII. Default: it does. */
  readonly unicode?: boolean;
  /** What `q` asks before it quits. Default: nothing, it quits at once. */
  readonly quitQuestion?: string;
  /** What is said at Ctrl-Z where this process must not halt. Default: it halts, as others do. */
  readonly mayNotHalt?: string;
  /** Time between two looks, in milliseconds. Default: 1000. */
  readonly everyMs?: number;
  /** The terminal. Default: the one of this process. */
  readonly open?: (options: ScreenOptions) => Screen;
  /** The terminal's size. Default: of standard output. */
  readonly size?: () => { columns: number; rows: number };
  /** Unix time in seconds. Default: the computer's clock. */
  readonly now?: () => number;
}

/** The table, until it is disposed of. */
export interface Live extends AsyncDisposable {
  /** Resolves when somebody quits with a key. The table stays until it is disposed of. */
  readonly quit: Promise<void>;
  /** It ends: the table is shown, with this in the place of the keys. */
  ends(text: string): void;
}

const NO_PASTE = "What was pasted is no order: nothing was done";
/** How long the answer to a command stays, in seconds. */
const SAID_SEC = 8;

/** Takes the terminal and shows the table on it. */
export function showLive(options: LiveOptions): Live {
  const {
    source,
    color,
    unicode = true,
    quitQuestion,
    mayNotHalt,
    open = openScreen,
    size = () => terminalSize() ?? USUAL_SIZE,
  } = options;
  const now = options.now ?? (() => Date.now() / 1000);
  const quit = Promise.withResolvers<void>();
  let state = LIVE_START;
  let said = { text: "", at: -Infinity };
  let lines: readonly string[] = [];
  let isReading = false;
  let ending = "";

  const say = (text: string) => {
    said = { text, at: now() };
    draw();
  };
  const problem = (error: unknown) => error instanceof Error ? error.message : String(error);

  function draw(): void {
    const { columns, rows } = size();
    const texts = {
      said: now() - said.at < SAID_SEC ? said.text : "",
      lines,
      quitQuestion: quitQuestion ?? "",
      ending,
    };
    const view = { columns, rows, color, now: now() };
    const page = liveLines(source.status(), state, texts, view);
    screen.draw(unicode ? page : page.map(asciiOnly));
  }

  /** Reads the lines of the page that is open; one look at a time. */
  async function read(): Promise<void> {
    const { page } = state;
    const program = state.selected;
    if (isReading || program === undefined || (page !== "logs" && page !== "why")) return;
    isReading = true;
    let found: readonly string[];
    try {
      found = page === "logs" ? await source.lastLines(program) : await source.why(program);
      if (found.length === 0) {
        const now = source.status().programs.find(({ name }) => name === program);
        const state = now === undefined ? "" : `; it is ${now.state}: ${now.reason ?? "as asked"}`;
        const ends = now === undefined ? "" : goodEnds(now);
        found = page === "logs"
          ? ["nothing yet"]
          : [`No unexpected end so far${state}`, ...(ends === "" ? [] : [ends])];
      }
    } catch (error) {
      found = [problem(error)];
    }
    isReading = false;
    // By now another page may be open.
    if (state.page !== page || state.selected !== program) return void read();
    lines = found;
    draw();
  }

  async function act(what: string, action: () => string | Promise<string>): Promise<void> {
    say(`${what} …`);
    try {
      say(await action());
    } catch (error) {
      say(problem(error));
    }
  }

  function onKey(key: Key): void {
    if (key === "ctrl-l") screen.forget();
    const status = source.status();
    const rows = Math.max(1, size().rows - ROWS_BELOW - 2);
    const before = state;
    const next = press(state, key, { status, rows, quitAsks: quitQuestion !== undefined });
    state = next.state;
    if (state.page !== before.page) lines = [];
    said = { text: key === "paste" ? NO_PASTE : "", at: key === "paste" ? now() : -Infinity };
    const { action } = next;
    if (action?.do === "quit") quit.resolve();
    else if (action !== undefined && "program" in action) {
      const { do: what, program } = action;
      act(`${what} ${program}`, () => source.act(what, [program]));
    } else if (action !== undefined) {
      const { do: what, run } = action;
      act(what, () => source.actOnRun(what, run));
    }
    draw();
    read();
  }

  // Nothing is drawn before `screen` is there: keys and signals come later than this line.
  const screen = open({
    onKey,
    onResize: () => draw(),
    onHalt: mayNotHalt === undefined ? undefined : () => say(mayNotHalt),
  });
  state = { ...state, selected: selectedProgram(state, source.status())?.name };
  draw();
  let isOver = false;
  const timer = setInterval(() => {
    if (isOver) return; // Deno 2.4 may call one that was cleared
    draw();
    read();
  }, options.everyMs ?? 1000);
  return {
    quit: quit.promise,
    ends(text) {
      ending = text;
      // Whoever reads a log is to see that it ends, too.
      state = { ...LIVE_START, selected: state.selected };
      draw();
    },
    [Symbol.asyncDispose]() {
      isOver = true;
      clearInterval(timer);
      return screen.close();
    },
  };
}
