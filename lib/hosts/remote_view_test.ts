import { assertEquals, assertStringIncludes } from "@std/assert";
import type { HostReport } from "./host_report.ts";
import { newMachine } from "../run/program_state.ts";
import type { ProgramState } from "../status/program_status.ts";
import { type Known, mayRunThere, viewRemote } from "./remote_view.ts";

function report(state: ProgramState): HostReport {
  return { name: "p", state, ready: state === "running", since: 1, restarts: 0, order: 1 };
}

const KNOWN: Known = {
  host: "daq2",
  intent: "up",
  after: "down",
  order: undefined,
  report: undefined,
  trouble: undefined,
  isFresh: false,
  refusal: undefined,
  before: newMachine(0),
  idle: "not started",
  bridge: false,
};
const AWAY = { trouble: "daq2 is away" };

/** What is known, the state that it is shown in, and whether it may run there. */
const CASES: readonly [
  what: string,
  known: Partial<Known>,
  state: ProgramState,
  mayRun: boolean,
][] = [
  ["runs", { report: report("running") }, "running", true],
  ["runs, host away", { report: report("running"), ...AWAY }, "unreachable", true],
  ["next try, host away", { report: report("backoff"), ...AWAY }, "unreachable", true],
  [
    "ended, host away: nobody else can start it",
    { report: report("exited"), ...AWAY },
    "exited",
    false,
  ],
  ["given up, host away", { report: report("fatal"), ...AWAY }, "fatal", false],
  ["from before, not heard of", { ...AWAY }, "unreachable", true],
  ["never told to start", { intent: "down", ...AWAY }, "stopped", false],
  ["to be started, host away", { intent: "waiting", ...AWAY }, "unreachable", false],
  [
    "to be started, host not asked yet",
    { intent: "waiting", isFresh: true, ...AWAY },
    "waiting",
    false,
  ],
  ["to be started", { intent: "waiting" }, "waiting", false],
  ["told to start", { order: "start" }, "waiting", true],
  ["told to start, host away", { order: "start", ...AWAY }, "unreachable", true],
  ["told to stop", { intent: "down", order: "stop", report: report("running") }, "stopping", true],
  ["told to stop, host away", { intent: "down", order: "stop", ...AWAY }, "unreachable", true],
  ["stops", { intent: "down", report: report("stopping") }, "stopping", true],
  ["refused", { intent: "waiting", refusal: "not allowed" }, "fatal", false],
  [
    "refused, and may run there from before",
    { refusal: "not allowed", ...AWAY },
    "unreachable",
    true,
  ],
  ["restarted meanwhile", { report: report("running"), bridge: true }, "starting", true],
];

for (const [what, known, state, mayRun] of CASES) {
  Deno.test(`viewRemote: ${what} → ${state}`, () => {
    const all = { ...KNOWN, ...known };
    const view = viewRemote(all);
    assertEquals([view.state, mayRunThere(all)], [state, mayRun]);
    assertEquals(view.ready, state === "running");
  });
}

Deno.test("viewRemote: says what comes when the host is back, and what comes after a stop", () => {
  const away = viewRemote({ ...KNOWN, order: "stop", after: "waiting", intent: "down", ...AWAY });
  assertEquals(
    away.reason,
    "daq2 is away; it is told to stop when it is back and starts again then",
  );
  const stopping = { ...KNOWN, report: report("stopping") };
  assertEquals(viewRemote(stopping).next, "starting");
  assertEquals(viewRemote({ ...stopping, intent: "down" }).next, "stopped");
  assertEquals(viewRemote({ ...stopping, intent: "down", after: "waiting" }).next, "waiting");
  const refused = viewRemote({ ...KNOWN, intent: "waiting", refusal: "no such key" });
  assertStringIncludes(refused.reason, "daq2: no such key");
});
