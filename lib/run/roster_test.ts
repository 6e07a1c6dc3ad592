// Programs that go from one computer to another, and out of the file: never in two places, and what
// somebody had stopped stays stopped.

import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";
import type { ProgramState } from "../status/program_status.ts";
import { NOWHERE } from "./elsewhere.ts";
import type { LocalContext } from "./local_contract.ts";
import { newMachine } from "./program_state.ts";
import { createRoster } from "./roster.ts";
import type { Runner } from "./runner.ts";

function programOn(host: string): Program {
  const run = { hv: { cmd: "sleep 1", host } };
  const [program] = parseExperiment(JSON.stringify({ run }), "/lab/lab.jsonc").programs;
  if (program === undefined) throw new Error("there is no program");
  return program;
}

/** A roster whose only program is on `daq1`, in a state; what its runners are told. */
function rosterWith(state: ProgramState) {
  const told: string[] = [];
  const states = new Map<string, ProgramState>([["daq1", state]]);
  const isUp = (one: ProgramState) => ["starting", "running", "stopping"].includes(one);
  const stateOn = (host = "") => states.get(host) ?? "stopped";
  function runner(program: Program): Runner {
    let now = program;
    const { host } = program;
    return {
      get program() {
        return now;
      },
      get machine() {
        return { ...newMachine(0), state: stateOn(host) };
      },
      get mayRun() {
        return isUp(stateOn(host));
      },
      fire: ({ type }) => void told.push(`${type} on ${host}`),
      change: (next) => void (told.push(`change on ${host}`), now = next),
      forget: () => void told.push(`forget on ${host}`),
      [Symbol.dispose]() {},
    } as Partial<Runner> as Runner;
  }
  const roster = createRoster({
    context: {} as LocalContext,
    elsewhere: { ...NOWHERE, runner },
    forgotten: (name) => void told.push(`${name} is forgotten`),
  });
  const first = roster.add(programOn("daq1"));
  return {
    roster,
    first,
    set: (host: string, to: ProgramState) => void states.set(host, to),
    told: () => told.splice(0),
    where: () => roster.find("hv")?.program.host,
  };
}

Deno.test("roster: what is stopped moves at once, and is not started", () => {
  const { roster, first, told, where } = rosterWith("stopped");
  roster.change(first, programOn("daq2"));
  assertEquals([where(), told()], ["daq2", ["forget on daq1"]]);
});

Deno.test("roster: what has ended, or waits, moves at once and is started there", () => {
  for (const state of ["exited", "fatal", "waiting", "backoff"] as const) {
    const { roster, first, told, where } = rosterWith(state);
    roster.change(first, programOn("daq2"));
    assertEquals([where(), told()], ["daq2", ["forget on daq1", "start on daq2"]], state);
  }
});

Deno.test("roster: what runs is stopped first, and moves when it is gone", () => {
  const { roster, first, set, told, where } = rosterWith("running");
  roster.change(first, programOn("daq2"));
  roster.settle();
  assertEquals([where(), told(), roster.isMoving], ["daq1", ["restart on daq1"], true]);
  set("daq1", "stopping");
  roster.settle();
  assertEquals([where(), told()], ["daq1", []]);
  // On its way out, and to be started again: that is then done at the other place.
  set("daq1", "waiting");
  roster.settle();
  assertEquals([where(), told()], ["daq2", ["forget on daq1", "start on daq2"]]);
  assertEquals(roster.isMoving, false);
});

Deno.test("roster: told to stop while it is on its way out it moves, and stays stopped", () => {
  const { roster, first, set, told, where } = rosterWith("running");
  roster.change(first, programOn("daq2"));
  set("daq1", "stopped");
  roster.settle();
  assertEquals([where(), told()], ["daq2", ["restart on daq1", "forget on daq1"]]);
});

Deno.test("roster: back to where it is, it moves no more", () => {
  const { roster, first, set, told, where } = rosterWith("running");
  roster.change(first, programOn("daq2"));
  roster.change(first, programOn("daq1"));
  assertEquals(told(), ["restart on daq1", "change on daq1"]);
  set("daq1", "waiting");
  roster.settle();
  assertEquals([where(), told()], ["daq1", []]);
});

Deno.test("roster: no longer in the file it is forgotten once it is gone, also if it was moving", () => {
  const { roster, first, set, told, where } = rosterWith("running");
  roster.change(first, programOn("daq2"));
  roster.remove(first);
  roster.settle();
  assertEquals([where(), told(), roster.isLeaving(first)], [
    "daq1",
    ["restart on daq1", "stop on daq1"],
    true,
  ]);
  set("daq1", "stopped");
  roster.settle();
  assertEquals([where(), told()], [undefined, ["forget on daq1", "hv is forgotten"]]);
});
