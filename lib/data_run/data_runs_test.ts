// Runs with a controller and programs that are the test's: what is told to whom, and when an answer,
// or an end, counts.

import { assertEquals, assertMatch } from "@std/assert";
import { type Client, type Outgoing, RefusedError } from "../client.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { NO_LOG } from "../log.ts";
import type { Message } from "../message.ts";
import { createAlarms } from "../status/alarms.ts";
import type { ProgramState, ProgramStatus } from "../status/program_status.ts";
import { until } from "../../tests/harness.ts";
import { createDataRuns } from "./data_runs.ts";

/** Runs of an experiment whose programs are ready, with a folder of their own. */
async function lab(run: { readonly [name: string]: object }) {
  const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
  const asked: {
    message: Outgoing;
    answer: (fields?: object) => void;
    fail(error: Error): void;
  }[] = [];
  const handlers: ((status: ProgramStatus) => void)[] = [];
  const statuses = new Map<string, ProgramStatus>();
  const experiment = parseExperiment(
    JSON.stringify({
      experiment: "lab",
      defaults: { cmd: "x", transitionSec: 1000 },
      run,
    }),
    `${path}/lab.jsonc`,
  );
  for (const { name } of experiment.programs) {
    statuses.set(name, { name, state: "running", ready: true, since: 0, restarts: 0 });
  }
  const state = { ending: false };
  const joined: ((message: object) => void)[] = [];
  const back: (() => void)[] = [];
  const client = {
    joined: true,
    clients: () =>
      Promise.resolve(experiment.programs.map(({ name }) => ({ name, info: { program: name } }))),
    request: (message: Outgoing) =>
      new Promise<Message>((resolve, fail) => {
        const answer = (fields = {}) => resolve({ cmd: message.cmd, ok: true, ...fields });
        asked.push({ message, answer, fail });
      }),
    subscribe: (_: string, handler: () => void) => (joined.push(handler), () => {}),
    addEventListener: (_: string, handler: () => void) => (back.push(handler), () => {}),
  } as unknown as Client;
  const runs = createDataRuns({
    controller: {
      experiment,
      alarms: createAlarms(() => {}),
      get ending() {
        return state.ending;
      },
      status: () => ({ experiment: "lab", programs: [...statuses.values()] }),
      onChange: (handler) => void handlers.push(handler),
      onVerdict() {},
    },
    client,
    log: NO_LOG,
    stateFolder: path,
  });
  runs.takeUp();
  return {
    runs,
    state,
    /** A client has joined the hub. */
    joins: (name: string) => joined.forEach((tell) => tell({ from: "_hub", name })),
    /** The hub was away, and is back. */
    hubIsBack: () => back.forEach((tell) => tell()),
    /** What programs were told since, as `CMD to NAME`, once there is so much. */
    async told(count: number) {
      await until(() => asked.length >= count, () => `only ${asked.length} were told`);
      return asked.map(({ message: { cmd, to } }) => `${cmd} to ${to}`);
    },
    /** Answers the oldest question, or as said. */
    next: () => {
      const [one] = asked.splice(0, 1);
      if (one === undefined) throw new Error("nobody was asked");
      return one;
    },
    /** A program is in another state from now on. */
    set(name: string, to: ProgramState, more: Partial<ProgramStatus> = {}) {
      const before = statuses.get(name);
      if (before === undefined) throw new Error(`no ${name}`);
      const now = { ...before, ready: to === "running", ...more, state: to, was: before.state };
      statuses.set(name, now);
      for (const handler of handlers) handler(now);
    },
    phase: () => runs.status().run?.phase,
    async [Symbol.asyncDispose]() {
      runs.cut();
      runs[Symbol.dispose]();
      await Deno.remove(path, { recursive: true });
    },
  };
}

Deno.test("runs: a late answer to the last run is none to this one", async () => {
  await using one = await lab({ ccd: { runOrder: 1 } });
  const { runs, told, next, phase } = one;
  const first = runs.start("shift", "").catch((error) => error.message);
  assertEquals(await told(1), ["run-start to ccd"]);
  const late = next();
  runs.cut();
  assertMatch(String(await first), /run 1 is aborted/);
  const second = runs.start("shift", "");
  assertEquals(await told(1), ["run-start to ccd"]);
  late.answer();
  // The answer is taken in a turn of its own.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(phase(), "starting");
  next().answer();
  assertEquals((await second).phase, "running");
});

Deno.test("runs: what ends while all is being stopped is no loss, unless it is in a run", async () => {
  for (const ending of [true, false]) {
    await using one = await lab({ hv: { essential: true } });
    one.state.ending = ending;
    one.set("hv", "backoff", { reason: "exit code 1" });
    assertEquals(
      one.runs.status().safe?.reason,
      ending ? undefined : "hv, which is essential, is lost: exit code 1",
    );
  }
  await using one = await lab({ hv: { essential: true, runOrder: 1 } });
  const started = one.runs.start("shift", "");
  await one.told(1);
  one.next().answer();
  await started;
  one.state.ending = true;
  one.set("hv", "backoff", { reason: "exit code 1" });
  assertMatch(one.runs.status().safe?.reason ?? "", /hv, which is essential/);
});

Deno.test("runs: who comes back while all is safe is told so", async () => {
  await using one = await lab({ hv: {}, gas: {} });
  one.runs.makeSafe("shift", "smoke");
  assertEquals(await one.told(2), ["safe to hv", "safe to gas"]);
  one.next();
  one.next();
  one.set("gas", "backoff");
  one.set("gas", "starting");
  one.set("gas", "running", { ready: false });
  one.set("gas", "running", { ready: true });
  assertEquals(await one.told(1), ["safe to gas"]);
  assertEquals(one.next().message.reason, "smoke");
});

Deno.test("runs: who was not in the hub when all was made safe is told when it comes, and all when the hub is back", async () => {
  await using one = await lab({ hv: { ready: { client: "supply" } }, gas: {} });
  one.joins("supply");
  one.hubIsBack();
  one.runs.makeSafe("shift", "smoke");
  assertEquals(await one.told(2), ["safe to supply", "safe to gas"]);
  for (const _ of "12") one.next().fail(new RefusedError("unknown-client", "no such client"));
  one.joins("somebody");
  one.joins("supply");
  assertEquals(await one.told(1), ["safe to supply"]);
  assertEquals(one.next().message.reason, "smoke");
  one.hubIsBack();
  assertEquals(await one.told(2), ["safe to supply", "safe to gas"]);
});

Deno.test("runs: at the end nobody is waited for who is not in the hub; else who comes back in time is told", async () => {
  for (const isEnd of [true, false]) {
    await using one = await lab({ ccd: { runOrder: 1 } });
    const started = one.runs.start("shift", "");
    await one.told(1);
    one.next().answer();
    await started;
    const over = isEnd ? one.runs.shutdown() : one.runs.stop("shift");
    assertEquals(await one.told(1), ["run-stop to ccd"]);
    one.next().fail(new RefusedError("unknown-client", "no client ccd"));
    if (!isEnd) {
      assertEquals(await one.told(1), ["run-stop to ccd"]);
      one.next().answer();
    }
    await over;
    const { verdict } = one.runs.status().run ?? {};
    assertEquals(verdict, isEnd ? "tainted" : "good");
  }
});
