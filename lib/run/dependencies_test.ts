import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { PROGRAM_STATES, type ProgramState } from "../status/program_status.ts";
import {
  describeUnmet,
  isGone,
  restartsWith,
  type Standing,
  stopsNext,
  unmet,
} from "./dependencies.ts";

/** Programs where they are; `[state, more of the machine]`. */
function standing(
  run: { readonly [name: string]: object },
  where: { readonly [name: string]: [ProgramState, Partial<Standing["machine"]>?] },
): readonly Standing[] {
  const programs = Object.entries(run).map(([name, keys]) => [name, { cmd: "x", ...keys }]);
  const text = JSON.stringify({ run: Object.fromEntries(programs) });
  return parseExperiment(text, "/lab.jsonc").programs.map((program) => {
    const [state = "stopped", more = {}] = where[program.name] ?? [];
    return { program, machine: { state, next: "stopped", ready: false, ...more } };
  });
}

const names = (all: readonly Standing[]) => all.map(({ program }) => program.name);

Deno.test("gone: nothing of it runs, and that is known", () => {
  const gone = PROGRAM_STATES.filter((state) => {
    const [one] = standing({ p: {} }, { p: [state] });
    return one !== undefined && isGone(one);
  });
  assertEquals(gone.toSorted(), ["backoff", "exited", "fatal", "stopped", "waiting"]);
});

Deno.test("what a program waits for: started, ready, completed", () => {
  const dependsOn = { s: "started", r: "ready", c: "completed" };
  const all = (
    where: Parameters<typeof standing>[1],
    c: object = {},
  ) => standing({ s: {}, r: {}, c, p: { dependsOn } }, where);
  const waits = (list: readonly Standing[]) => {
    const [p] = list.slice(-1);
    const find = (name: string) => list.find(({ program }) => program.name === name);
    return p === undefined ? [] : unmet(p.program, find).map(([name]) => name);
  };
  assertEquals(waits(all({})), ["s", "r", "c"]);
  assertEquals(waits(all({ s: ["running"], r: ["running"], c: ["running"] })), ["r", "c"]);
  const ready = { ready: true };
  const well = { s: ["running"], r: ["running", ready] } as const;
  const done = (code: number, signal?: string) => ({ exitCode: code, signal });
  assertEquals(waits(all({ ...copy(well), c: ["exited", done(0)] })), []);
  assertEquals(waits(all({ ...copy(well), c: ["exited", done(3)] })), ["c"]);
  assertEquals(waits(all({ ...copy(well), c: ["exited", done(0, "SIGKILL")] })), ["c"]);
  assertEquals(
    waits(all({ ...copy(well), c: ["exited", done(3)] }, { successExitCodes: [3] })),
    [],
  );
  // What has done its work was started; what has only begun is not up yet.
  assertEquals(waits(all({ s: ["exited", done(0)], r: ["starting", ready] })), ["r", "c"]);
  assertEquals(waits(all({ s: ["starting"] })), ["s", "r", "c"]);
  const list = all({ s: ["running"] });
  const find = (name: string) => list.find(({ program }) => program.name === name);
  const [p] = list.slice(-1);
  assertEquals(
    p === undefined ? "" : describeUnmet(p.program, find),
    "waits for r to be ready, c to be completed",
  );
});

function copy<T extends object>(value: T): Parameters<typeof standing>[1] {
  return JSON.parse(JSON.stringify(value));
}

Deno.test("who restarts with another: who wants to, runs, and only when that one comes again", () => {
  const dependsOn = { base: "started" };
  const run = {
    base: {},
    with: { dependsOn, withDependency: true },
    without: { dependsOn },
    other: { withDependency: true },
  };
  const running = { with: ["running"], without: ["running"], other: ["running"] } as const;
  const after = (
    state: ProgramState,
    more: Partial<Standing["machine"]>,
    where: Parameters<typeof standing>[1] = copy(running),
  ) => {
    const all = standing(run, { ...where, base: [state, more] });
    const [base] = all;
    return base === undefined ? [] : names(restartsWith(base, all));
  };
  const was = "running" as const;
  assertEquals(after("backoff", { was }), ["with"]);
  assertEquals(after("starting", { was }), ["with"]);
  assertEquals(after("stopping", { was, next: "waiting" }), ["with"]);
  assertEquals(after("stopping", { was, next: "stopped" }), []);
  assertEquals(after("starting", { was: "waiting" }), []);
  assertEquals(after("exited", { was }), []);
  assertEquals(after("backoff", { was }, { with: ["waiting"] }), []);
  assertEquals(after("backoff", { was }, { with: ["starting"] }), ["with"]);
});

Deno.test("at the end: who depends on others stops before them, and what is to come again at once", () => {
  const run = {
    pressure: {},
    cryo: { dependsOn: { pressure: "ready" } },
    ccd: { dependsOn: { cryo: "ready" } },
    free: {},
  };
  const next = (where: Parameters<typeof standing>[1]) => names(stopsNext(standing(run, where)));
  const up: Parameters<typeof standing>[1] = {
    pressure: ["running"],
    cryo: ["running"],
    ccd: ["running"],
    free: ["starting"],
  };
  assertEquals(next(up), ["ccd", "free"]);
  assertEquals(next({ ...up, ccd: ["stopping"] }), ["free"]);
  assertEquals(next({ ...up, ccd: ["stopped"] }), ["cryo", "free"]);
  assertEquals(next({ ...up, ccd: ["exited"], cryo: ["fatal"] }), ["pressure", "free"]);
  // It would be started again while all is being stopped; and nobody waits for its turn.
  for (const state of ["waiting", "backoff", "unreachable"] as const) {
    assertEquals(next({ ...up, cryo: [state] }).includes("cryo"), true, state);
  }
  // So would one that was found to hang a moment ago, or is being restarted; once it is told is enough.
  for (const then of ["starting", "waiting"] as const) {
    assertEquals(next({ ...up, ccd: ["stopping", { next: then }] }), ["ccd", "free"], then);
  }
  // What is not reached may run on: what that depends on is needed.
  assertEquals(next({ ...up, ccd: ["stopped"], cryo: ["unreachable"] }), ["cryo", "free"]);
  assertEquals(next({}), []);
});
