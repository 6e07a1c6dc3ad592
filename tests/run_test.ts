// `abcd run`, from outside.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../lib/client.ts";
import { abcd, freeUdpPort, runAbcd, temporaryFolder, TestHub } from "./harness.ts";

async function experiment(folder: string, run: object): Promise<string[]> {
  const file = `${folder}/lab.jsonc`;
  await Deno.writeTextFile(file, JSON.stringify({ run }));
  return ["run", file, `--log-folder=${folder}/log`, `--beacon-port=${freeUdpPort()}`];
}

Deno.test("a program that dies is back", async () => {
  await using folder = await temporaryFolder();
  const args = await experiment(folder.path, {
    dies: { cmd: "echo last words; exit 3", shell: true, startSec: 0.1, restartSec: 0.1 },
  });
  await using run = abcd(args);
  await run.saw(/dies: \w+ → backoff \(exit code 3\)/);
  await run.saw(/dies \| last words/);
  await run.saw(/dies: backoff → starting[^]*dies: backoff → starting/);
  run.signal("SIGINT");
  assertEquals((await run.end()).code, 0);
  const log = await Deno.readTextFile(`${folder.path}/log/dies.log`);
  assert(log.split("last words").length > 2);
});

Deno.test("a program that ignores SIGTERM is killed, with its children, in reverse order", async () => {
  await using folder = await temporaryFolder();
  const args = await experiment(folder.path, {
    base: {
      cmd: `trap "" TERM; sleep 1000 & echo $! > ${folder.path}/child; while :; do sleep 1; done`,
      shell: true,
      startSec: 0.2,
      stopSec: 0.5,
    },
    user: { cmd: "sleep 1000", startSec: 0.1, dependsOn: { base: "ready" } },
  });
  await using run = abcd(args);
  await run.saw(/user: starting → running/);
  run.signal("SIGINT");
  assertEquals((await run.end()).code, 0);
  const userGone = run.stderr.indexOf("user: stopping → stopped");
  const baseStops = run.stderr.indexOf("base: running → stopping");
  assert(userGone > 0 && userGone < baseStops, run.stderr);
  assertStringIncludes(run.stderr, "base: ended by SIGKILL");
  const child = (await Deno.readTextFile(`${folder.path}/child`)).trim();
  let state = "gone";
  try {
    const stat = await Deno.readTextFile(`/proc/${child}/stat`);
    state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  } catch {
    // gone
  }
  assert(state === "gone" || state === "Z", state);
});

Deno.test("a command that does not exist is fatal at once", async () => {
  await using folder = await temporaryFolder();
  const args = await experiment(folder.path, { none: { cmd: "no-such-command-here" } });
  await using run = abcd(args);
  await run.saw(/none: starting → fatal/);
});

Deno.test("a second Ctrl-C kills at once", async () => {
  await using folder = await temporaryFolder();
  const args = await experiment(folder.path, {
    deaf: {
      cmd: 'trap "" TERM; while :; do sleep 1; done',
      shell: true,
      startSec: 0.2,
      stopSec: 600,
    },
  });
  await using run = abcd(args);
  await run.saw(/deaf: starting → running/);
  run.signal("SIGINT");
  await run.saw(/deaf: running → stopping/);
  await run.signalAgain("SIGINT");
  assertEquals((await run.end()).code, 0);
});

Deno.test("one SIGTERM that comes twice, as from timeout, is one: programs are stopped in order", async () => {
  await using folder = await temporaryFolder();
  const args = await experiment(folder.path, {
    slow: {
      cmd: 'trap "sleep 0.5; echo parked; exit 0" TERM; while :; do sleep 0.1; done',
      shell: true,
      startSec: 0.2,
    },
  });
  await using run = abcd(args);
  await run.saw(/slow: starting → running/);
  run.signal("SIGTERM");
  run.signal("SIGTERM");
  run.signal("SIGINT");
  assertEquals((await run.end()).code, 0, run.stderr);
  assert(/slow: exit code 0/.test(run.stderr), run.stderr);
});

Deno.test("a bad file: every error, exit code 2, nothing started", async () => {
  await using folder = await temporaryFolder();
  const args = await experiment(folder.path, {
    a: { cmd: `touch ${folder.path}/started` },
    b: { cmd: "", restrat: "no" },
    c: { cmd: "x", dependsOn: { d: "ready" } },
  });
  const { code, stderr } = await runAbcd(args);
  assertEquals(code, 2, stderr);
  for (const part of [`"cmd" of program b`, `perhaps "restart"`, `depends on "d"`]) {
    assertStringIncludes(stderr, part);
  }
  assert(/lab\.jsonc:1:\d+: /.test(stderr), stderr);
});

Deno.test("with a hub: status and restart by message, states by topic", async () => {
  await using folder = await temporaryFolder();
  await using hub = await TestHub.start();
  const args = await experiment(folder.path, { p: { cmd: "sleep 1000", startSec: 0.1 } });
  await using client = await connect({ name: "test", server: hub.address });
  const states: unknown[] = [];
  client.subscribe("run/p/state", ({ state }) => void states.push(state));
  await client.flush();
  await using run = abcd([...args, ...hub.clientArgs]);
  await run.saw(/in hub/);
  await run.saw(/p: starting → running/);
  const before = await client.request({ cmd: "status", to: "run" });
  assertEquals(before.experiment, "lab");
  assertStringIncludes(JSON.stringify(before.programs), `"state":"running"`);
  const wrong = await client.request({ cmd: "stop", to: "run", programs: ["q"] });
  assertStringIncludes(String(wrong.error), `no program "q"`);
  await client.request({ cmd: "restart", to: "run", programs: ["p"] });
  await run.saw(/stopping → waiting[^]*p: starting → running/);
  run.signal("SIGINT");
  assertEquals((await run.end()).code, 0);
  await client.flush();
  assert(states.includes("stopping"), String(states));
});
