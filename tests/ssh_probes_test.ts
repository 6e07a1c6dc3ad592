// Probes, processor and memory of programs on a computer that is reached through ssh.

import { assert, assertEquals } from "@std/assert";
import { ASIDE_CHARS, createSshShell } from "../lib/hosts/ssh_shell.ts";
import { commandLine } from "../lib/process/proc_fs.ts";
import { freeTcpPort, runAbcd, TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";
import { COUNT, end, fakeSsh, FAR } from "./ssh_lab.ts";

/** Uses some memory, and the processor for the tenth part of the time. */
const BUSY =
  "x=$(head -c 30000000 /dev/zero | tr '\\0' x); while :; do :; done & echo up; sleep 1000";

Deno.test("ssh: probes look at the other computer, and what a program uses there is told", async () => {
  await using lab = await Lab.create({});
  const { env, cut, restore } = fakeSsh(lab);
  const port = freeTcpPort();
  const home = `${lab.path}/me@daq2`;
  lab.write({
    file: { ...FAR, cmd: COUNT, ready: { file: "made by hand", periodSec: 0.1 } },
    tcp: { ...FAR, cmd: COUNT, ready: { tcp: port, periodSec: 0.1 } },
    exec: {
      ...FAR,
      cmd: COUNT,
      cwd: "sub folder",
      env: { "IT": "it's" },
      restartSec: 0.1,
      alive: { exec: ["sh", "-c", `pwd; test "$IT" = "it's" && ! test -e ill`], periodSec: 0.2 },
    },
    hangs: {
      ...FAR,
      cmd: COUNT,
      restartSec: 1000,
      alive: { exec: "sleep 60", failures: 1, periodSec: 2 },
    },
    busy: { ...FAR, cmd: BUSY, memoryMaxBytes: "1 GB" },
    greedy: { ...FAR, cmd: BUSY, memoryMaxBytes: 5_000_000, restartSec: 1000 },
  });
  Deno.mkdirSync(`${home}/sub folder`, { recursive: true });
  await using hub = await TestHub.start();
  await using controller = lab.runWith(env, ...hub.clientArgs);
  await controller.saw(/exec: ready/);
  await controller.saw(/tcp: starting → running/);
  await controller.saw(/file: starting → running/);
  assert(!/(file|tcp): ready/.test(controller.stderr));
  Deno.writeTextFileSync(`${home}/made by hand`, "");
  await controller.saw(/file: ready/);
  using _listener = Deno.listen({ hostname: "127.0.0.1", port });
  await controller.saw(/tcp: ready/);

  Deno.writeTextFileSync(`${home}/sub folder/ill`, "");
  await controller.saw(
    /exec: running → stopping \(is not alive: exec sh .* failed 3 times in a row/,
  );
  Deno.removeSync(`${home}/sub folder/ill`);
  await controller.saw(/exec: stopping → starting/);

  // What cannot be looked at is no fault of the program.
  // Its probes have its environment, and may be just at it.
  const isProgram = ({ pid }: { pid: number }) => commandLine(pid).includes(COUNT);
  const pids = () =>
    ["exec", "file", "tcp"].map((name) => lab.instances(name).find(isProgram)?.pid);
  await until(() => pids().every((pid) => pid !== undefined), "it is not started again");
  const before = pids();
  cut();
  await controller.saw(/exec: unreachable/);
  restore();
  await controller.saw(/exec: me@daq2 is reached again/);
  await controller.saw(
    /hangs: running → stopping \(is not alive: exec sleep 60 failed: no answer within \d+ s\)/,
  );
  assertEquals(pids(), before);

  await controller.saw(/greedy: running → stopping \(uses \d+ MB of memory/);
  const busy = async () => {
    const { stdout } = await runAbcd(["status", "busy", "--json", ...hub.clientArgs]);
    return JSON.parse(stdout).programs[0];
  };
  await until(async () => (await busy()).cpuPercent > 10, "no processor time is told");
  assert((await busy()).memoryBytes > 25e6);
  assert((await busy()).memoryBytes < 500e6);
  await end(controller, lab);
});

Deno.test("ssh: what is begun there goes on beside the questions, and stands in no answer", async () => {
  await using lab = await Lab.create({});
  const { env } = fakeSsh(lab);
  const path = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", env.PATH ?? path);
  try {
    using shell = createSshShell("daq2");
    assertEquals(await shell.begin("echo lost; exit 4", 10), 4);
    assertEquals(await shell.begin("sleep 0.3", 0.05), undefined);
    assertEquals(await shell.aside("printf 'a @\\n b'; echo lost >&2; exit 4", 10), "a @\n b");
    assertEquals(await shell.aside("sleep 0.3; echo late", 0.05), undefined);
    assertEquals((await shell.aside("yes", 10))?.length, ASIDE_CHARS);
    const many = Array.from({ length: 10 }, (_, i) => shell.begin(`sleep 0.0${i}; exit ${i}`, 10));
    // The one that came too late ends in the midst of this one.
    const lines = await shell.run("for i in $(seq 40); do echo $i; sleep 0.01; done");
    assertEquals(lines, Array.from({ length: 40 }, (_, i) => `${i + 1}\n`).join(""));
    assertEquals(await Promise.all(many), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  } finally {
    Deno.env.set("PATH", path);
  }
});
