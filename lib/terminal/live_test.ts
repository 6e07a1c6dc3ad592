import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import type { ExperimentStatus, ProgramState, ProgramStatus } from "../status/program_status.ts";
import { showLive } from "./live.ts";
import { LIVE_START, type LiveState, press } from "./live_state.ts";
import { liveLines } from "./live_view.ts";
import type { ScreenOptions } from "./screen.ts";
import { textWidth } from "./text_width.ts";

const NOW = 1_000_000;
const program = (name: string, state: ProgramState = "running", more = {}): ProgramStatus => ({
  name,
  state,
  ready: state === "running",
  since: NOW - 65,
  restarts: 0,
  ...more,
});
const STATUS: ExperimentStatus = {
  experiment: "lab",
  hub: "h",
  programs: [
    program("cryo"),
    program("hv", "backoff", {
      reason: "exit code 3",
      retryAt: NOW + 4,
      lastLine: "no high voltage",
    }),
    program("ccd1", "stopped"),
    program("ccd2", "running", { host: "daq2" }),
  ],
};
const SIGHT = { status: STATUS, rows: 10, quitAsks: true };
const TEXTS = { said: "", lines: [], quitQuestion: "Stop the experiment and quit?", ending: "" };
const view = { columns: 80, rows: 20, color: false, now: NOW };

/** Presses one after another; what was to be done, and the state at the end. */
function pressAll(keys: readonly string[], from: LiveState = LIVE_START, sight = SIGHT) {
  const actions: unknown[] = [];
  let state = from;
  for (const key of keys) {
    const next = press(state, key, sight);
    state = next.state;
    if (next.action !== undefined) actions.push(next.action);
  }
  return { state, actions };
}

Deno.test("live: keys select, up to the ends", () => {
  assertEquals(pressAll(["down"]).state.selected, "hv");
  assertEquals(pressAll(["j", "j", "k"]).state.selected, "hv");
  assertEquals(pressAll(["up"]).state.selected, "cryo");
  assertEquals(pressAll(["end", "down"]).state.selected, "ccd2");
  assertEquals(pressAll(["pagedown", "home"]).state.selected, "cryo");
});

Deno.test("live: start at once; stop and restart only after y", () => {
  assertEquals(pressAll(["j", "s"]).actions, [{ do: "start", program: "hv" }]);
  assertEquals(pressAll(["j", "t"]).actions, []);
  assertEquals(pressAll(["j", "t", "n", "y"]).actions, []);
  assertEquals(pressAll(["j", "t", "y"]).actions, [{ do: "stop", program: "hv" }]);
  assertEquals(pressAll(["r", "Y"]).actions, [{ do: "restart", program: "cryo" }]);
  const asked = pressAll(["j", "t"]).state;
  const gone = { ...SIGHT, status: { ...STATUS, programs: [program("cryo")] } };
  assertEquals(pressAll(["y"], asked, gone).actions, [], "another program has its place by now");
});

Deno.test("live: q asks where it stops the experiment, and only there", () => {
  assertEquals(pressAll(["q"]).actions, []);
  assertEquals(pressAll(["q", "x"]).actions, []);
  assertEquals(pressAll(["q", "y"]).actions, [{ do: "quit" }]);
  assertEquals(pressAll(["q"], LIVE_START, { ...SIGHT, quitAsks: false }).actions, [{
    do: "quit",
  }]);
  assertEquals(pressAll(["l", "q"]).actions, []);
  assertEquals(pressAll(["l", "q"]).state.page, "table");
});

Deno.test("live: the filter takes every key until enter or escape", () => {
  const { state, actions } = pressAll(["/", "q", "s", "backspace", "backspace", ..."CCD", "enter"]);
  assertEquals([state.filter, state.asks, actions], ["CCD", undefined, []]);
  assertEquals(pressAll(["s"], state).actions, [{ do: "start", program: "ccd1" }]);
  assertEquals(pressAll(["j", "s"], state).actions, [{ do: "start", program: "ccd2" }]);
  assertEquals(pressAll(["escape"], state).state.filter, "");
  const lines = liveLines(STATUS, state, TEXTS, view).join("\n");
  assertStringIncludes(lines, 'filter "CCD" hides 2');
  assertFalse(lines.includes("cryo"));
  const none = pressAll(["/", ..."zzz", "enter", "s", "t", "l"]);
  assertEquals(none.actions, []);
  assertStringIncludes(liveLines(STATUS, none.state, TEXTS, view).join("\n"), "Nothing contains");
});

Deno.test("live: pages of logs and verdicts, scrolled", () => {
  const texts = { ...TEXTS, lines: Array.from({ length: 100 }, (_, i) => `line ${i + 1}`) };
  const logs = pressAll(["j", "l"]).state;
  const end = liveLines(STATUS, logs, texts, view);
  assertStringIncludes(end[0] ?? "", "hv: log  lines 83 to 100 of 100");
  assertEquals(end.at(-2), "line 100");
  const up = liveLines(STATUS, pressAll(["up"], logs).state, texts, view);
  assertEquals(up.at(-2), "line 99");
  assertEquals(liveLines(STATUS, pressAll(["home"], logs).state, texts, view)[1], "line 1");
  const why = pressAll(["w"], logs).state;
  assertEquals(liveLines(STATUS, why, texts, view)[1], "line 1");
  assertEquals(pressAll(["w"], why).state.page, "table");
});

Deno.test("live: what there is to say of the selected program, questions, keys", () => {
  const hv = pressAll(["j"]).state;
  assertEquals(
    liveLines(STATUS, hv, TEXTS, view).at(-2),
    "hv: exit code 3; again in 4s | no high voltage",
  );
  const asked = pressAll(["j", "t"]).state;
  assertEquals(liveLines(STATUS, asked, TEXTS, view).at(-2), "Stop hv? y/n");
  const quit = pressAll(["q"]).state;
  assertStringIncludes(liveLines(STATUS, quit, TEXTS, view).at(-2) ?? "", "and quit? y/n");
  for (const columns of [60, 80, 120]) {
    const keys = liveLines(STATUS, hv, TEXTS, { ...view, columns }).at(-1) ?? "";
    for (const key of ["s start", "t stop", "r restart", "l logs", "w why", "q quit"]) {
      assertStringIncludes(keys, key);
    }
  }
});

Deno.test("live: every page fits every size", () => {
  const long = { ...TEXTS, said: "s".repeat(300), lines: ["漢字\x1b[2J".repeat(90)] };
  for (const keys of [[], ["t"], ["q"], ["/", "x"], ["?"], ["l"], ["w"], ["/", "c", "enter"]]) {
    const { state } = pressAll(keys);
    for (let columns = 1; columns <= 130; columns++) {
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 12, 40]) {
        const lines = liveLines(STATUS, state, long, { ...view, columns, rows });
        assert(lines.length <= rows, `${keys}: ${lines.length} lines in ${rows}`);
        for (const line of lines) {
          assert(textWidth(line) <= columns, `${keys}: ${line}`);
          // deno-lint-ignore no-control-regex -- none may be left
          assertFalse(/[\x00-\x1f]/.test(line));
        }
      }
    }
  }
});

Deno.test("live: a run is started or stopped, and all made safe, only after y", () => {
  const sight = (more: Partial<ExperimentStatus>) => ({ ...SIGHT, status: { ...STATUS, ...more } });
  const open = sight({ run: { phase: "running", number: 7, begin: NOW - 60, verdict: "good" } });
  assertEquals(pressAll(["R"]).actions, []);
  assertEquals(pressAll(["R", "n", "R", "y"]).actions, [{ do: "start-run" }]);
  assertEquals(pressAll(["R", "y"], LIVE_START, open).actions, [{ do: "stop-run", run: 7 }]);
  const next = sight({ run: { phase: "running", number: 8, begin: NOW, verdict: "good" } });
  const askedOf7 = pressAll(["R"], LIVE_START, open).state;
  assertEquals(pressAll(["y"], askedOf7, next).actions, [{ do: "stop-run", run: 7 }]);
  assertStringIncludes(liveLines(next.status, askedOf7, TEXTS, view).join("\n"), "Stop run 7? y/n");
  assertEquals(pressAll(["!", "y"]).actions, [{ do: "make-safe" }]);
  const safe = sight({ safe: { reason: "smoke", since: NOW } });
  assertEquals(pressAll(["!", "y"], LIVE_START, safe).actions, [{ do: "leave-safe" }]);
  const asks = liveLines(open.status, pressAll(["R"], LIVE_START, open).state, TEXTS, view);
  assertStringIncludes(asks.join("\n"), "Stop run 7? y/n");
  assertStringIncludes(asks[0] ?? "", "run 7 1m00s good");
  const [title] = liveLines(safe.status, LIVE_START, TEXTS, { ...view, color: true });
  assertStringIncludes(title ?? "", "\x1b[1;7;31mlab  ■ SAFE: smoke");
});

Deno.test("live: keys reach the experiment, its answers and errors the screen", async () => {
  const asked: unknown[] = [];
  let page: readonly string[] = [];
  let keyboard: ScreenOptions["onKey"];
  let isOpen = true;
  const changed = { wake: () => {} };
  const shows = async (text: string) => {
    const late = setTimeout(() => changed.wake(), 5000);
    const deadline = performance.now() + 5000;
    while (!page.join("\n").includes(text)) {
      assert(performance.now() < deadline, `"${text}" is not on the page:\n${page.join("\n")}`);
      await new Promise<void>((resolve) => changed.wake = resolve);
    }
    clearTimeout(late);
  };
  {
    await using live = showLive({
      source: {
        status: () => STATUS,
        act(cmd, programs) {
          asked.push([cmd, ...programs]);
          if (cmd === "stop") throw new Error("Cannot stop: it is 3 in the morning");
          return "cryo: starting";
        },
        actOnRun(cmd) {
          asked.push([cmd]);
          return Promise.resolve("run 3 is running");
        },
        lastLines: (name) => Promise.resolve([`${name} wrote this`]),
        why: () => Promise.resolve([]),
      },
      color: false,
      everyMs: 5,
      quitQuestion: "Quit?",
      now: () => NOW,
      size: () => ({ columns: 80, rows: 20 }),
      open(options) {
        keyboard = options.onKey;
        return {
          draw: (lines) => {
            page = lines;
            changed.wake();
          },
          forget() {},
          close() {
            isOpen = false;
            return Promise.resolve();
          },
          [Symbol.asyncDispose]: () => Promise.resolve(),
        };
      },
    });
    const type = (keys: string) => {
      for (const key of keys) keyboard?.(key);
    };
    type("s");
    await shows("cryo: starting");
    type("ty");
    await shows("3 in the morning");
    type("R");
    await shows("Start a data-taking run? y/n");
    type("y");
    await shows("run 3 is running");
    type("l");
    await shows("cryo wrote this");
    type("w");
    await shows("No unexpected end so far; it is ");
    type("qqy");
    await live.quit;
    type("l");
    await shows("cryo wrote this");
    // Who reads a log sees that all ends, and what the next Ctrl-C does.
    live.ends("Stopping; Ctrl-C now kills");
    assertEquals(page.at(-1), "Stopping; Ctrl-C now kills");
    assertStringIncludes(page.join("\n"), "● ready");
  }
  assertEquals(isOpen, false);
  assertEquals(asked, [["start", "cryo"], ["stop", "cryo"], ["start-run"]]);
});

Deno.test("live: n goes to the next that is not well, round and round, and stays where none is", () => {
  const sick = { ...STATUS, programs: [...STATUS.programs, program("last", "waiting")] };
  const at = (keys: readonly string[], status: ExperimentStatus) =>
    pressAll(keys, LIVE_START, { ...SIGHT, status }).state.selected;
  assertEquals([["n"], ["n", "n"], ["n", "n", "n"]].map((keys) => at(keys, sick)), [
    "hv",
    "last",
    "hv",
  ]);
  const well = { ...STATUS, programs: [program("cryo"), program("ccd1", "stopped")] };
  assertEquals(at(["n"], well), "cryo");
});
