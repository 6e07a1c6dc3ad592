import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { clientOf } from "../experiment/program.ts";
import type { ProgramState, ProgramStatus } from "../status/program_status.ts";
import { allGone, participantsOf, problemsOf } from "./participants.ts";

function programs(run: object) {
  return parseExperiment(JSON.stringify({ run }), "/e/lab.jsonc").programs;
}

function status(name: string, state: ProgramState, ready = state === "running"): ProgramStatus {
  return { name, state, ready, since: 0, restarts: 0, reason: "so" };
}

Deno.test("the client of a program: of its probes, else its own name", () => {
  const [a, b, c, d] = programs({
    a: { cmd: "x" },
    b: { cmd: "x", ready: { client: "lta" } },
    c: { cmd: "x", ready: { file: "f" }, alive: { client: "dog" } },
    d: { cmd: "x", ready: { status: "cold" } },
  });
  const names = [a, b, c, d].map((program) => program === undefined ? "" : clientOf(program));
  assertEquals(names, ["a", "lta", "dog", "d"]);
});

Deno.test("who takes part: a runOrder, and not stopped", () => {
  const all = programs({
    a: { cmd: "x", runOrder: 0 },
    b: { cmd: "x", runOrder: -1.5 },
    c: { cmd: "x" },
  });
  const find = (name: string) => status(name, name === "b" ? "stopped" : "fatal");
  assertEquals(participantsOf(all, find), [{ program: "a", order: 0, client: "a" }]);
  assertEquals(participantsOf(all, () => undefined), []);
});

Deno.test("what forbids a start", () => {
  const all = programs({
    part: { cmd: "x", runOrder: 1 },
    need: { cmd: "x", required: true },
    vital: { cmd: "x", essential: true },
    free: { cmd: "x" },
  });
  const when = (state: ProgramState, ready?: boolean) =>
    problemsOf(all, (name) => status(name, state, ready));
  assertEquals(when("running"), []);
  assertEquals(when("stopped"), [
    "need, which is required, is stopped (so)",
    "vital, which is essential, is stopped (so)",
  ]);
  assertEquals(
    when("running", false)[0],
    "part takes part in runs and is running, but not ready (so): wait, or stop it to go without it",
  );
  assertEquals(
    when("fatal")[0],
    "part takes part in runs and is fatal (so): start it, or stop it to go without it",
  );
  assertEquals(when("fatal").length, 3);
  assertEquals(problemsOf(all, () => undefined).length, 2);
});

Deno.test("nobody is left in a run: all that take part are gone, where none does all there are", () => {
  const part = [{ program: "a" }, { program: "b" }];
  const a = (state: ProgramState) => status("a", state);
  const b = (state: ProgramState) => status("b", state);
  const c = status("c", "running");
  for (const state of ["stopped", "exited", "fatal"] as const) {
    assertEquals(allGone(part, [a(state), b("stopped"), c]), ["a", "b"], state);
  }
  const others = ["waiting", "starting", "running", "backoff", "stopping", "unreachable"] as const;
  for (const state of others) {
    assertEquals(allGone(part, [a(state), b("stopped")]), undefined, state);
  }
  assertEquals(allGone(part, [b("exited"), c]), ["a", "b"], "one is no longer in the file");
  assertEquals(allGone([], [a("exited"), c]), undefined);
  assertEquals(allGone([], [a("exited")]), ["a"]);
  assertEquals(allGone([], []), undefined);
});
