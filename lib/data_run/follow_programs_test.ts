import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { HUB_AWAY, type ProgramStatus } from "../status/program_status.ts";
import { followPrograms } from "./follow_programs.ts";
import type { RunRecord } from "./run_record.ts";
import type { RunsController } from "./runs_controller.ts";

/** A controller with these programs, and how it tells of them. */
function controllerOf(run: object) {
  let tell = (_: ProgramStatus) => {};
  const controller = {
    experiment: parseExperiment(JSON.stringify({ run }), "/lab.jsonc"),
    onChange: (handler) => void (tell = handler),
    onVerdict() {},
  } as Partial<RunsController> as RunsController;
  return { controller, tell: (status: ProgramStatus) => tell(status) };
}

/** Follows one program that runs; what a run hears of it. */
function following() {
  const { controller, tell } = controllerOf({ hv: { cmd: "x", host: "far", essential: true } });
  const heard: string[] = [];
  followPrograms({
    controller,
    now: () => 0,
    inRun: () => undefined,
    keep() {},
    gone: (event) => heard.push("text" in event ? `gone: ${event.text}` : event.type),
    ready: (program) => heard.push(`ready: ${program}`),
    changed() {},
  });
  const is = (state: ProgramStatus["state"], reason: string) => {
    tell({ name: "hv", state, ready: state === "running", since: 0, restarts: 0, reason });
    return heard.splice(0);
  };
  is("starting", "told to start");
  assertEquals(is("running", "alive for 1 s"), ["ready: hv"]);
  return is;
}

Deno.test("programs of a run: that the hub is away ends none of them; what is known when it is back does", () => {
  const is = following();
  assertEquals(is("unreachable", HUB_AWAY), []);
  assertEquals(is("running", "alive for 1 s"), []);
  assertEquals(is("unreachable", "far has been silent"), ["gone: far has been silent"]);
  assertEquals(is("running", "alive for 1 s"), ["ready: hv"]);

  assertEquals(is("unreachable", HUB_AWAY), []);
  assertEquals(is("unreachable", "far is away"), ["gone: far is away"]);
  assertEquals(is("unreachable", HUB_AWAY), []);
  assertEquals(is("running", "alive for 1 s"), ["ready: hv"]);

  assertEquals(is("unreachable", HUB_AWAY), []);
  assertEquals(is("starting", "it was restarted meanwhile"), ["gone: it was restarted meanwhile"]);
  assertEquals(is("running", "alive for 1 s"), ["ready: hv"]);
  assertEquals(is("unreachable", HUB_AWAY), []);
  assertEquals(is("exited", "exit code 3"), ["gone: exit code 3"]);
});

Deno.test("programs of a run: one may be named as what each object has, such as constructor", () => {
  const { controller, tell } = controllerOf({ constructor: { cmd: "x" } });
  let kept: RunRecord["programs"] = {};
  followPrograms({
    controller,
    now: () => 7,
    inRun: () => kept,
    keep: (programs) => kept = programs,
    gone() {},
    ready() {},
    changed() {},
  });
  const is = (state: ProgramStatus["state"], reason: string) =>
    tell({ name: "constructor", state, ready: true, since: 0, restarts: 0, reason });
  is("running", "alive for 1 s");
  is("backoff", "exit code 3");
  // Who compares objects may ask each for its constructor.
  const ended = { restarts: 0, ends: [{ time: 7, text: "exit code 3" }] };
  assertEquals(Object.entries(kept), [["constructor", ended]]);
});
