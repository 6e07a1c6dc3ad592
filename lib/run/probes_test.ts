// When a probe is held against a program, and when nobody can know. The clock is the test's.

import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import type { Answer, Looks } from "../process/look.ts";
import type { ProgramLog } from "../process/program_log.ts";
import type { Said } from "./presence.ts";
import { watchProgram } from "./probes.ts";

/** The probes of a program with these keys, and all that they look at. */
function lab(keys: object) {
  const [program] =
    parseExperiment(JSON.stringify({ run: { p: { cmd: "x", ...keys } } }), "/lab.jsonc")
      .programs;
  if (program === undefined) throw new Error("there is no program");
  let ms = 0;
  /** What is the case; `answer`: of what has to be asked, `undefined`: nobody can tell. */
  const world = {
    hub: true,
    clients: new Map<string, Said | undefined>(),
    answer: true as Answer,
    canLog: true,
    lines: [] as string[],
  };
  const asked: string[] = [];
  const look = (what: string) => (asked.push(what), Promise.resolve(world.answer));
  const looks: Looks = {
    tcp: (host, port) => look(`tcp ${host}:${port}`),
    file: (path) => look(`file ${path}`),
    exec: ({ argv }) => look(`exec ${argv.join(" ")}`),
  };
  const cursor = () => ({
    read: () => world.lines.splice(0),
    before: () => [],
    [Symbol.dispose]() {},
  });
  const watch = watchProgram(program, {
    now: () => ms,
    presence: {
      get known() {
        return world.hub;
      },
      has: (name) => world.clients.has(name),
      said: (name) => world.clients.get(name),
      refresh: () => void asked.push("refresh"),
      [Symbol.dispose]() {},
    },
    output: { cursor } as Partial<ProgramLog> as ProgramLog,
    canLog: () => world.canLog,
    logFrom: 0,
    environment: {},
    looks,
  });
  let isReady = false;
  return {
    world,
    asked: () => asked.splice(0),
    /** Lets so many seconds pass; what was found out: `ready`, or why it is to be restarted. */
    async pass(sec: number): Promise<string | undefined> {
      for (const end = ms + sec * 1000; ms < end; ms += 100) {
        const event = watch.tick(isReady);
        // What was asked is answered in turns of its own.
        for (let i = 0; i < 5; i++) await Promise.resolve();
        if (event?.type === "readyHolds" && !isReady) {
          isReady = true;
          return "ready";
        }
        if (event?.type === "aliveFailed") return event.reason;
      }
    },
  };
}

const client = { alive: { client: "p", timeoutSec: 30 } };

Deno.test("probes: a client that is missing for as long as it may is held against the program, no less", async () => {
  const { world, pass } = lab(client);
  assertEquals(await pass(1), "ready");
  world.clients.set("p", undefined);
  assertEquals(await pass(100), undefined);
  world.clients.delete("p");
  assertEquals(await pass(29), undefined);
  assertEquals(await pass(2), "is not alive: no client p for 30 s");
});

Deno.test("probes: without a hub nobody is missing; when that is back each has its time", async () => {
  const { world, pass } = lab(client);
  await pass(1);
  world.clients.set("p", undefined);
  await pass(1);
  world.hub = false;
  world.clients.clear();
  assertEquals(await pass(1000), undefined);
  world.hub = true;
  assertEquals(await pass(29), undefined);
  assertEquals(await pass(2), "is not alive: no client p for 30 s");
});

Deno.test("probes: so many answers of no in a row; that nobody can tell is none, and no yes either", async () => {
  const { world, pass, asked } = lab({ alive: { exec: "check it", periodSec: 10, failures: 3 } });
  assertEquals(await pass(1), "ready");
  assertEquals(await pass(100), undefined);
  assertEquals(asked().length, 10);
  world.answer = undefined;
  assertEquals(await pass(1000), undefined);
  world.answer = "exit code 3";
  assertEquals(await pass(15), undefined);
  world.answer = undefined;
  assertEquals(await pass(50), undefined);
  world.answer = "exit code 3";
  assertEquals(await pass(50), "is not alive: exec check it failed 3 times in a row: exit code 3");
  const other = lab({ alive: { tcp: 80, periodSec: 1, failures: 2 } });
  await other.pass(1);
  for (let i = 0; i < 5; i++) {
    other.world.answer = "exit code 3";
    assertEquals(await other.pass(1), undefined);
    other.world.answer = true;
    assertEquals(await other.pass(1), undefined);
  }
});

Deno.test("probes: not ready in time; the time in which nobody could tell does not count", async () => {
  const { world, pass } = lab({ ready: { file: "/up", timeoutSec: 20 } });
  world.answer = undefined;
  assertEquals(await pass(100), undefined);
  world.answer = "";
  assertEquals(await pass(19), undefined);
  assertEquals(await pass(3), "was not ready within 20 s: no file /up");
  const never = lab({ ready: { tcp: 80, timeoutSec: 20 } });
  never.world.answer = "connection refused";
  assertEquals(
    await never.pass(30),
    "was not ready within 20 s: no tcp 127.0.0.1:80 (connection refused)",
  );
  const soon = lab({ ready: { file: "/up", timeoutSec: 20 } });
  soon.world.answer = "";
  await soon.pass(5);
  soon.world.answer = true;
  assertEquals(await soon.pass(2), "ready");
});

Deno.test("probes: a line of the log; its silence is no fault of a program whose log takes nothing", async () => {
  const { world, pass } = lab({
    ready: { logLine: "listening on \\d+" },
    alive: { logLine: "event", timeoutSec: 10 },
  });
  world.lines.push("listening on nothing");
  assertEquals(await pass(5), undefined);
  world.lines.push("x", "listening on 80");
  assertEquals(await pass(1), "ready");
  world.canLog = false;
  assertEquals(await pass(100), undefined);
  world.canLog = true;
  assertEquals(await pass(9), undefined);
  world.lines.push("event 1");
  assertEquals(await pass(9), undefined);
  assertEquals(await pass(3), "is not alive: no line of the log like event for 10 s");
});

Deno.test("probes: what a client says of itself, and how long ago", async () => {
  const status = { state: ["stable", "on"], maxAgeSec: 9 };
  const { world, pass, asked } = lab({ ready: { status } });
  const said = (state: string, at: number) => world.clients.set("p", { state, since: 0, at });
  said("ramping", 0);
  assertEquals([await pass(1), asked()], [undefined, []]);
  said("stable", -10_000);
  assertEquals(await pass(1), undefined);
  assertEquals(asked(), ["refresh"], "whether that was said again");
  said("on", 1900);
  assertEquals(await pass(1), "ready");
  // However long ago, where nothing is said of that.
  const any = lab({ ready: { status: "on" } });
  any.world.clients.set("p", { state: "on", since: 0, at: -1e6 });
  assertEquals([await any.pass(1), any.asked()], ["ready", []]);
});
