import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import type { ProgramStatus } from "../status/program_status.ts";
import { escapeControls } from "../plain_text.ts";
import { lastOf, renderTable } from "./table.ts";
import { cutText, textWidth, wrapWords } from "./text_width.ts";

const NOW = 1_000_000;
const program = (name: string, more: Partial<ProgramStatus> = {}): ProgramStatus => ({
  name,
  state: "running",
  ready: true,
  since: NOW - 65,
  restarts: 0,
  pid: 4711,
  cpuPercent: 12.4,
  memoryBytes: 50 * 1024 * 1024,
  lastLine: "all is well",
  ...more,
});
const view = { columns: 120, rows: 24, color: false, now: NOW };
// deno-lint-ignore no-control-regex -- the colours
const plain = (line: string) => line.replace(/\x1b\[[0-9;]*m/g, "");

Deno.test("table: title, states with shapes, reasons", () => {
  const lines = renderTable({
    experiment: "damicm",
    hub: "lab",
    programs: [
      program("cryo"),
      program("hv", { state: "starting", ready: false, reason: "probe" }),
      program("ccd", { state: "stopped", ready: false, pid: undefined }),
      program("vac", { state: "fatal", ready: false, reason: "exit code 3" }),
    ],
  }, view);
  assertEquals(lines.length, 6);
  assertStringIncludes(lines[0] ?? "", "damicm  hub lab  ✖ 1 fatal  ◐ 1 starting  ● 1 ready");
  assertStringIncludes(lines[2] ?? "", "● ready");
  assertStringIncludes(lines[2] ?? "", " 1m ");
  assertStringIncludes(lines[2] ?? "", "4711");
  assertStringIncludes(lines[2] ?? "", "12%");
  assertStringIncludes(lines[2] ?? "", "50M");
  assertStringIncludes(lines[2] ?? "", "all is well");
  assertStringIncludes(lines[3] ?? "", "◐ starting");
  assertStringIncludes(lines[4] ?? "", "○ stopped");
  assertStringIncludes(lines[5] ?? "", "✖ fatal");
  assertStringIncludes(lines[5] ?? "", "exit code 3");
  assertFalse((lines[1] ?? "").includes("HOST"));
});

Deno.test("table: no hub; host if any has one; when it comes again", () => {
  const lines = renderTable({
    experiment: "x",
    programs: [program("a", { host: "pi" }), program("b", { state: "backoff", retryAt: NOW + 4 })],
  }, view);
  assertStringIncludes(lines[0] ?? "", "no hub");
  assertStringIncludes(lines[1] ?? "", "HOST");
  assertStringIncludes(lines[2] ?? "", "pi");
  assertStringIncludes(lines[3] ?? "", "again in 4s");
});

Deno.test("table: what a program says of itself, with and without a text", () => {
  const said = (more: { text?: string }) =>
    lastOf({
      name: "p",
      state: "running",
      ready: true,
      since: NOW,
      restarts: 0,
      said: { state: "idle", since: NOW, ...more },
    }, NOW);
  assertEquals([said({}), said({ text: "" }), said({ text: "5 K" })], [
    "idle",
    "idle",
    "idle: 5 K",
  ]);
});

Deno.test("table: fits every size, with and without colour", () => {
  const programs = Array.from({ length: 9 }, (_, i) =>
    program(`program-with-a-long-name-${i}`, {
      host: "controller.example.org",
      lastLine: "漢字 and a\ttext\x1b[2J that is long ".repeat(9),
      state: i % 2 === 0 ? "running" : "unreachable",
    }));
  const status = { experiment: "e".repeat(90), hub: "h", programs };
  for (let columns = 1; columns <= 200; columns++) {
    for (const rows of [1, 2, 3, 4, 9, 10, 11, 30]) {
      for (const color of [false, true]) {
        const lines = renderTable(status, { columns, rows, color, now: NOW });
        assert(lines.length <= rows, `${lines.length} lines in ${rows}`);
        for (const line of lines) {
          assert(textWidth(plain(line)) <= columns, `${textWidth(plain(line))} in ${columns}`);
          assertEquals(escapeControls(plain(line)), plain(line));
        }
      }
    }
  }
  const few = renderTable(status, { columns: 60, rows: 6, color: false, now: NOW });
  assertEquals(few.length, 6);
  assertEquals(few[5], "… 6 more; 3 not well: press n");
});

Deno.test("table: nothing to show", () => {
  assertStringIncludes(
    renderTable({ experiment: "x", programs: [] }, view)[0] ?? "",
    "no programs",
  );
  assertEquals(renderTable({ experiment: "x", programs: [] }, { ...view, rows: 0 }), []);
});

Deno.test("table: texts are escaped and cut", () => {
  assertEquals(escapeControls("a\n\t\x1b\u202e\x9b"), "a\\n\\t\\x1b\\u202e\\x9b");
  assertEquals(cutText("hello", 5), "hello");
  assertEquals(cutText("hello", 4), "hel…");
  assertEquals(cutText("漢字漢字", 4), "漢…");
  assertEquals(cutText("hello", 0), "");
});

Deno.test("table: the selected program is marked, and its page is shown", () => {
  const programs = Array.from({ length: 25 }, (_, i) => program(`p${i + 1}`));
  const status = { experiment: "x", programs };
  const lines = (selected: string) => renderTable(status, { ...view, rows: 13, selected });
  assertEquals(lines("p3").findIndex((line) => line.startsWith("› p3 ")), 4);
  assertEquals(lines("p3").at(-1), "… 15 more");
  assertEquals(lines("p11")[2]?.startsWith("› p11 "), true);
  assertEquals(lines("p25").slice(-2).map((line) => line.slice(0, 12)), [
    "› p25   ● re",
    "21 to 25 of ",
  ]);
  // What is not well and not on the page is not hidden.
  const sick = { ...status, programs: [...programs.slice(1), program("q", { state: "fatal" })] };
  const last = (selected: string) => renderTable(sick, { ...view, rows: 13, selected }).at(-1);
  assertEquals(last("p3"), "… 15 more; 1 not well: press n");
  assertEquals(last("q"), "21 to 25 of 25");
  // A step within a page changes two lines and no more.
  const [a, b] = [lines("p12"), lines("p13")];
  assertEquals(a.filter((line, i) => line !== b[i]).length, 2);
});

Deno.test("wrapWords breaks at blanks, and long words anywhere", () => {
  assertEquals(wrapWords("  exit code 3; it ran for 2 s", 14), [
    "  exit code 3;",
    "  it ran for 2",
    "  s",
  ]);
  assertEquals(wrapWords("", 5), [""]);
  assertEquals(wrapWords("a  b", 80), ["a  b"]);
  assertEquals(wrapWords("abcdefgh ij", 5), ["abcde", "fgh", "ij"]);
  assertEquals(wrapWords("漢字漢字 x", 5), ["漢字", "漢字", "x"]);
});

Deno.test("table: alarms stand above the programs, worst first, three at most", () => {
  const alarm = (source: string, state: "warning" | "critical") => ({
    source,
    state,
    text: "8.1 GB free;\nmake room",
    since: NOW,
  });
  const alarms = [alarm("disk /a", "critical"), ...["b", "c", "d"].map((s) => alarm(s, "warning"))];
  const status = { experiment: "x", programs: [program("p")], alarms };
  const lines = renderTable(status, view);
  assertEquals(lines[1], "▲ CRITICAL  disk /a: 8.1 GB free;\\nmake room");
  assertEquals(lines[2], "▲ warning  b: 8.1 GB free;\\nmake room");
  assertEquals(lines[3], "▲ and 2 more alarms: abcd status");
  assertEquals(lines.findIndex((line) => line.startsWith("p ")), 5);
  const all = renderTable(status, { ...view, rows: Infinity });
  assertEquals(all[4], "▲ warning  d: 8.1 GB free;\\nmake room");
  // What the row of a program says has been said; of a disk it is not.
  const [first] = renderTable({
    ...status,
    alarms: [alarm("p", "critical"), alarm("disk /", "warning")],
  }, view).slice(1);
  assertStringIncludes(first ?? "", "▲ warning  disk /: ");
  const colored = renderTable(status, { ...view, color: true });
  assertEquals(plain(colored[1] ?? ""), lines[1]);
  // On a screen of a few lines the programs come first.
  assertEquals(renderTable(status, { ...view, rows: 4 }).length, 3);
  // A narrow one shows all of them while there is room for the programs, else what fits.
  const narrow = { ...view, columns: 20 };
  assertEquals(renderTable(status, { ...narrow, rows: Infinity }).slice(1, 4), [
    "▲ CRITICAL  disk /a:",
    "8.1 GB free;\\nmake",
    "room",
  ]);
  assertEquals(renderTable(status, { ...narrow, rows: 8 })[1], cutText(lines[1] ?? "", 20));
});
