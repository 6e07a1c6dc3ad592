import { assertEquals } from "@std/assert";
import {
  NO_RUN,
  type Participant,
  type RunEvent,
  type RunMachine,
  stepRun,
  takeUpRun,
  type Transition,
} from "./run_state.ts";

const LOGGER_FIRST: Participant[] = [
  { program: "ccd2", order: 2 },
  { program: "logger", order: 1 },
  { program: "ccd1", order: 2 },
];

const START: RunEvent = { type: "start", number: 7, participants: LOGGER_FIRST };
const STOP: RunEvent = { type: "stop", reason: "asked" };
const yes = (program: string, cmd: Transition = "run-start"): RunEvent => ({
  type: "answered",
  program,
  cmd,
});
const no = (program: string, cmd: Transition = "run-start", silent = false): RunEvent => ({
  type: "failed",
  program,
  cmd,
  text: silent ? "no answer" : "no",
  silent,
});
const gone = (program: string, more: object = {}): RunEvent => ({
  type: "gone",
  program,
  text: "exit code 3",
  essential: false,
  required: false,
  asked: false,
  ...more,
});

/** What is done, in short words, in the course of some events. */
function play(events: readonly RunEvent[], machine: RunMachine = NO_RUN) {
  const did: string[] = [];
  for (const event of events) {
    const step = stepRun(machine, event);
    machine = step.machine;
    for (const action of step.actions) {
      if (action.type === "tell") did.push(`${action.cmd} ${action.programs.join(" ")}`);
      else if (action.type === "ended") did.push(`ended ${action.verdict}`);
      else did.push(action.type);
    }
  }
  return { machine, did, phase: machine.phase };
}

const STARTED = [START, yes("logger"), yes("ccd1"), yes("ccd2")];
const running = (...events: RunEvent[]) => play(events, play(STARTED).machine);

Deno.test("idle → starting: the lowest order is told first", () => {
  const { did, phase } = play([START]);
  assertEquals([did, phase], [["run-start logger"], "starting"]);
});

Deno.test("starting → starting: the next order, all of it at once, when all before have answered", () => {
  assertEquals(play([START, yes("logger")]).did, ["run-start logger", "run-start ccd2 ccd1"]);
  const { did, machine } = play([START, yes("logger"), yes("ccd1")]);
  assertEquals(did.length, 2);
  assertEquals(machine.run?.waiting, ["ccd2"]);
});

Deno.test("starting → running: all have answered", () => {
  const { did, phase } = play(STARTED);
  assertEquals([did.at(-1), phase], ["began", "running"]);
});

Deno.test("idle → running at once if nobody takes part", () => {
  const { did, phase } = play([{ type: "start", number: 1, participants: [] }]);
  assertEquals([did, phase], [["began"], "running"]);
});

Deno.test("starting → stopping: a refusal; who refused is not told, the others are, in reverse", () => {
  const { did, machine } = play([START, yes("logger"), yes("ccd2"), no("ccd1")]);
  assertEquals(did.slice(2), ["run-stop ccd2"]);
  assertEquals(machine.run?.reason, "ccd1: no");
  const end = play([yes("ccd2", "run-stop"), yes("logger", "run-stop")], machine);
  assertEquals([end.did, end.phase], [["run-stop logger", "ended aborted"], "idle"]);
});

Deno.test("starting → stopping: silence; who was silent is told too, for it may have begun", () => {
  const { did } = play([START, no("logger", "run-start", true)]);
  assertEquals(did.slice(1), ["run-stop logger"]);
});

Deno.test("starting → idle: the first one refuses, nobody is to be told", () => {
  const { did, phase } = play([START, no("logger")]);
  assertEquals([did.slice(1), phase], [["ended aborted"], "idle"]);
});

Deno.test("starting → stopping: a program that takes part is gone", () => {
  const { did, machine } = play([START, yes("logger"), gone("ccd1")]);
  assertEquals(did.slice(2), ["run-stop ccd2"]);
  assertEquals(machine.run?.reason, "ccd1: exit code 3");
});

Deno.test("starting → stopping: a required program is gone; another one is only a taint", () => {
  assertEquals(play([START, gone("cryo", { required: true })]).did.at(-1), "run-stop logger");
  const { phase, machine } = play([START, gone("webcam")]);
  assertEquals([phase, machine.run?.taints], ["starting", ["webcam: exit code 3"]]);
});

Deno.test("starting → stopping: somebody stops it", () => {
  const { did } = play([START, STOP, yes("logger", "run-stop")]);
  assertEquals(did, ["run-start logger", "run-stop logger", "ended aborted"]);
});

Deno.test("starting → stopping: an essential program is lost: safe, and aborted", () => {
  const { did, machine } = play([START, gone("hv", { essential: true })]);
  assertEquals(did.slice(1), ["tellSafe", "run-stop logger"]);
  assertEquals(machine.run?.verdict, "aborted");
  assertEquals(machine.safe, "hv, which is essential, is lost: exit code 3");
});

Deno.test("starting: a second start is nothing", () => {
  assertEquals(play([START, { ...START, number: 8 }]).machine.run?.number, 7);
});

Deno.test("running → stopping → idle: in reverse order, and good", () => {
  const { did, phase } = running(
    STOP,
    yes("ccd1", "run-stop"),
    yes("ccd2", "run-stop"),
    yes("logger", "run-stop"),
  );
  assertEquals(did, ["run-stop ccd2 ccd1", "run-stop logger", "ended good"]);
  assertEquals(phase, "idle");
});

Deno.test("running: a program that is gone, or anything else that is no good, is a taint", () => {
  const { machine, phase } = running(
    gone("webcam"),
    { type: "taint", text: "odd" },
    gone("webcam"),
  );
  assertEquals([machine.run?.taints, phase], [["webcam: exit code 3", "odd"], "running"]);
  const { did } = running(gone("webcam"), STOP, { type: "cut", reason: "killed" });
  assertEquals(did.at(-1), "ended interrupted");
});

Deno.test("running → stopping: an essential program is lost: safe, and interrupted", () => {
  const { did, machine } = running(gone("hv", { essential: true }));
  assertEquals(did, ["tellSafe", "run-stop ccd2 ccd1"]);
  assertEquals(machine.run?.verdict, "interrupted");
});

Deno.test("running → stopping: an essential program that takes part is not told, it is gone", () => {
  const { did } = running(gone("ccd1", { essential: true }));
  assertEquals(did, ["tellSafe", "run-stop ccd2"]);
});

Deno.test("running: an essential program that somebody stops is lost as well", () => {
  assertEquals(running(gone("hv", { essential: true, asked: true })).did[0], "tellSafe");
});

Deno.test("idle: an essential program that is lost is safe; one that somebody stops is not", () => {
  assertEquals(play([gone("hv", { essential: true })]).did, ["tellSafe"]);
  assertEquals(play([gone("hv", { essential: true, asked: true })]).did, []);
});

Deno.test("running → stopping: safe by hand", () => {
  const { did, machine } = running({ type: "safe", reason: "smoke" });
  assertEquals(did, ["tellSafe", "run-stop ccd2 ccd1"]);
  assertEquals([machine.run?.verdict, machine.run?.reason], ["interrupted", "smoke"]);
});

Deno.test("running → stopping: it cannot go on", () => {
  const { machine, did } = running({ type: "interrupt", reason: "nobody is left" });
  assertEquals([machine.run?.verdict, did], ["interrupted", ["run-stop ccd2 ccd1"]]);
});

Deno.test("stopping: a refusal, silence, an end: a taint each, and it goes on", () => {
  const { did, machine, phase } = running(
    STOP,
    no("ccd1", "run-stop"),
    gone("ccd2"),
    no("logger", "run-stop", true),
  );
  assertEquals(did.at(-1), "ended tainted");
  assertEquals([phase, machine.run], ["idle", undefined]);
});

Deno.test("stopping: one that is gone before its turn is not told", () => {
  const { did } = running(STOP, gone("logger"), yes("ccd1", "run-stop"), yes("ccd2", "run-stop"));
  assertEquals(did, ["run-stop ccd2 ccd1", "ended tainted"]);
});

Deno.test("stopping: an essential program that is lost makes it interrupted", () => {
  const { did } = running(
    STOP,
    gone("hv", { essential: true }),
    yes("ccd1", "run-stop"),
    yes("ccd2", "run-stop"),
    yes("logger", "run-stop"),
  );
  assertEquals(did, ["run-stop ccd2 ccd1", "tellSafe", "run-stop logger", "ended interrupted"]);
});

Deno.test("stopping: late answers to the start, and a second stop, are nothing", () => {
  const { machine } = play([START, STOP, yes("logger"), no("logger"), STOP]);
  assertEquals([machine.phase, machine.run?.waiting], ["stopping", ["logger"]]);
});

Deno.test("any phase → idle: cut", () => {
  const cut: RunEvent = { type: "cut", reason: "killed" };
  assertEquals(play([START, cut]).did.at(-1), "ended aborted");
  assertEquals(running(cut).did, ["ended interrupted"]);
  assertEquals(play([cut]).did, []);
});

Deno.test("safe: nothing starts until it is left; said once", () => {
  const safe: RunEvent = { type: "safe", reason: "smoke" };
  const { did, machine } = play([safe, safe, START]);
  assertEquals([did, machine], [["tellSafe"], { phase: "idle", safe: "smoke" }]);
  const left = play([{ type: "leaveSafe" }, { type: "leaveSafe" }, START], machine);
  assertEquals(left.did, ["tellLeave", "run-start logger"]);
});

Deno.test("safe: the first reason stays, and a run is not safe any more after it", () => {
  const { machine } = running(
    { type: "safe", reason: "smoke" },
    gone("hv", { essential: true }),
  );
  assertEquals(machine.safe, "smoke");
});

Deno.test("taken up: a start is aborted, a stop told anew, a run goes on", () => {
  const starting = takeUpRun(play([START, yes("logger"), yes("ccd1")]).machine);
  assertEquals(starting.machine.run?.verdict, "aborted");
  assertEquals(starting.actions, [{ type: "tell", cmd: "run-stop", programs: ["ccd2", "ccd1"] }]);
  const stopping = takeUpRun(running(STOP, yes("ccd1", "run-stop")).machine);
  assertEquals(stopping.actions, [{ type: "tell", cmd: "run-stop", programs: ["ccd2", "ccd1"] }]);
  assertEquals(stopping.machine.run?.verdict, undefined);
  assertEquals(takeUpRun(play(STARTED).machine).actions, []);
  assertEquals(takeUpRun(NO_RUN).actions, []);
});

Deno.test("taints are bounded", () => {
  const many = Array.from({ length: 200 }, (_, i): RunEvent => ({ type: "taint", text: `${i}` }));
  assertEquals(running(...many).machine.run?.taints.length, 100);
});
