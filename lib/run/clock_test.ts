// The clock of the wall is set by an hour, to and fro, while a program waits in each of the states in
// which time matters: nothing happens early, and nothing is stuck. The monotonic clock is the test's.

import { assert, assertEquals } from "@std/assert";
import { NO_LOG } from "../log.ts";
import type { Controller } from "./contract.ts";
import { createController } from "./controller.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { openStateFolder } from "./state_folder.ts";
import { until } from "../../tests/harness.ts";

const HOUR_MS = 3_600_000;

/** Sets the wall clock of this process, as everything here reads it, until it is disposed of. */
function wallClock(): { set(ms: number): void } & Disposable {
  const real = Date.now;
  return {
    set: (ms) => void (Date.now = () => real() + ms),
    [Symbol.dispose]: () => void (Date.now = real),
  };
}

const FOREVER = "while :; do sleep 0.05; done";
const base = { shell: true, startSec: 0, stopSec: 1000 };
const CASES: readonly {
  readonly state: string;
  readonly program: object;
  /** What leads on once this time has passed. */
  readonly sec: number;
  readonly then: string;
  readonly ask?: "stop";
}[] = [
  { state: "starting", program: { cmd: FOREVER, startSec: 100 }, sec: 100, then: "running" },
  {
    state: "backoff",
    program: { cmd: "exit 1", startSec: 5, restartSec: 100, restartMaxSec: 100 },
    sec: 100,
    then: "starting",
  },
  {
    state: "stopping",
    program: { cmd: `trap "" TERM; echo up; ${FOREVER}`, stopSec: 100, ready: { logLine: "up" } },
    ask: "stop",
    sec: 100,
    then: "stopped",
  },
  {
    state: "running",
    program: { cmd: FOREVER, ready: { file: "never", timeoutSec: 100, periodSec: 5 } },
    sec: 101,
    then: "stopping",
  },
  {
    state: "running",
    program: { cmd: FOREVER, alive: { exec: "false", periodSec: 50, failures: 3 } },
    sec: 101,
    then: "stopping",
  },
];

for (const { state, program, sec, then, ask } of CASES) {
  const { ready, alive } = program as { ready?: object; alive?: object };
  const why = alive !== undefined ? ", alive" : ready !== undefined && !ask ? ", not ready" : "";
  Deno.test(`clock: set by an hour while a program is ${state}${why}`, async () => {
    const path = await Deno.makeTempDir({ prefix: "abcd-test-" });
    using wall = wallClock();
    let skipped = 0;
    const now = () => performance.now() + skipped;
    let controller: Controller | undefined;
    try {
      using folder = await openStateFolder(path, "test");
      const text = JSON.stringify({ run: { p: { ...base, ...program } } });
      const experiment = parseExperiment(text, `${path}/lab.jsonc`);
      const one = controller = createController({
        experiment,
        log: NO_LOG,
        folder,
        logFolder: path,
        now,
      });
      const seen: string[] = [];
      one.onChange((status) => seen.push(status.state));
      const status = () => one.status().programs[0];
      one.start();
      if (ask !== undefined) {
        await until(() => status()?.ready, () => `it is ${JSON.stringify(status())}`);
        one.tell(ask, ["p"]);
      }
      await until(() => status()?.state === state, () => `it is ${JSON.stringify(status())}`);
      if (alive !== undefined) {
        await until(() => status()?.ready, () => `it is ${JSON.stringify(status())}`);
      }
      // The probe, if it is about one, has been asked for the first time.
      await new Promise((resolve) => setTimeout(resolve, 150));
      const before = seen.length;
      for (const ms of [HOUR_MS, -HOUR_MS, 2 * HOUR_MS, 0]) {
        wall.set(ms);
        one.tell("start", []);
        await new Promise((resolve) => setTimeout(resolve, 30));
        assertEquals(seen.slice(before), [], `the clock was set by ${ms} ms`);
        const age = Date.now() / 1000 - (status()?.since ?? 0);
        assert(
          Math.abs(age) < 600,
          `it is ${state} for ${age} s, when the clock is set by ${ms} ms`,
        );
      }
      wall.set(-HOUR_MS);
      // Short of it by 20 s, which no slow computer makes good.
      for (let passed = 0; passed < sec - 20; passed += 10) {
        skipped += 10_000;
        one.tell("start", []);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assertEquals(seen.slice(before), [], "early");
      for (let passed = 0; passed < 30; passed += 10) {
        skipped += 10_000;
        one.tell("start", []);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      await until(() => seen.slice(before).includes(then), () => `only ${seen.slice(before)}`);
      assert(seen.length > before);
    } finally {
      controller?.kill();
      await controller?.shutdown();
      await Deno.remove(path, { recursive: true });
    }
  });
}
