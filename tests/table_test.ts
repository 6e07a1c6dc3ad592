// The live table on a terminal: keys do what they say, and the terminal is given back as it was.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../lib/client.ts";
import { readProcess } from "../lib/process/proc_fs.ts";
import {
  abcd,
  after,
  freeUdpPort,
  type Running,
  temporaryFolder,
  TestHub,
  until,
} from "./harness.ts";
import { abcdOnTerminal, hasTerminals, shows, slowTerminal } from "./terminal.ts";

const ignore = !await hasTerminals();

async function experiment(folder: string): Promise<string> {
  const file = `${folder}/lab.jsonc`;
  const run = {
    steady: { cmd: "echo steady writes; exec sleep 1000", shell: true, startSec: 0.1 },
    quiet: { cmd: "sleep 1000", startSec: 0.1, autostart: false },
  };
  await Deno.writeTextFile(file, JSON.stringify({ run }));
  return file;
}

/** Waits for the end; the terminal must be as it was. Gives the exit code. */
async function endsWell(running: Running): Promise<number> {
  const [, code, after] = await running.saw(/<after (\d+) (\S+)>/);
  const [, before] = await running.saw(/<before (\S+)>/);
  assertEquals(after, before, "the terminal's settings");
  const { stdout } = running;
  // The last word of each is the one that switches it off.
  assertEquals(stdout.lastIndexOf("\x1b[?1049l") > stdout.lastIndexOf("\x1b[?1049h"), true);
  assertEquals(stdout.lastIndexOf("\x1b[?25h") > stdout.lastIndexOf("\x1b[?25l"), true);
  await running.end();
  return Number(code);
}

async function pidOf(running: Running): Promise<number> {
  return Number((await running.saw(/<pid (\d+)>/))[1]);
}

Deno.test({
  name: "table: a terminal that knows lines alone gets lines",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const file = await experiment(folder.path);
    await using run = abcdOnTerminal(["run", file, `--beacon-port=${freeUdpPort()}`], {
      env: { TERM: "dumb" },
    });
    await run.saw(/steady: ready/);
    Deno.kill(await pidOf(run), "SIGTERM");
    await run.saw(/all programs are stopped/);
    await run.end();
    assertEquals(run.stdout.includes("\x1b"), false, run.stdout);
    await using watch = abcdOnTerminal(["status", "--watch"], { env: { TERM: "dumb" } });
    await watch.saw(/knows lines alone[^]*<after 2 /);
    await watch.end();
  },
});

Deno.test({
  name: "table: keys start a program, show its log, ask before they quit",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const file = await experiment(folder.path);
    await using run = abcdOnTerminal(["run", file, `--beacon-port=${freeUdpPort()}`]);
    await shows(run, /● ready/);
    await shows(run, /○ stopped/);
    await run.type("js");
    await shows(run, /● 2 ready/);
    await run.type("k\x1b[A");
    await run.type("l");
    await shows(run, /steady: log/);
    await shows(run, /steady writes/);
    // Halted it would keep nobody alive.
    await run.type("q");
    await shows(run, /● 2 ready/);
    await run.type("\x1a");
    await shows(run, /Not halted, as programs need abcd run/);
    await run.type("q");
    await shows(run, /Stop all programs and quit\? y\/n/);
    await run.type("y");
    assertEquals(await endsWell(run), 0);
  },
});

for (
  const [how, end, code] of [
    ["Ctrl-C", (run: Running) => run.type("\x03"), 0],
    ["SIGTERM", async (run: Running) => Deno.kill(await pidOf(run), "SIGTERM"), 0],
    ["SIGQUIT", (run: Running) => run.type("\x1c"), 131],
  ] as const
) {
  Deno.test({
    name: `table: the terminal is as it was after ${how}`,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      const file = await experiment(folder.path);
      await using hub = await TestHub.start();
      await using run = abcd(["run", file, ...hub.clientArgs]);
      await run.saw(/steady: starting → running/);
      await run.saw(/: in hub /);
      await using watch = abcdOnTerminal(["status", "--watch", ...hub.clientArgs]);
      await shows(watch, /● ready/);
      await end(watch);
      assertEquals(await endsWell(watch), code);
    },
  });
}

Deno.test({
  name: "table: status --watch acts through the hub, and says when the controller is gone",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const file = await experiment(folder.path);
    await using hub = await TestHub.start();
    await using run = abcd(["run", file, ...hub.clientArgs]);
    await run.saw(/steady: starting → running/);
    await run.saw(/: in hub /);
    await using watch = abcdOnTerminal(["status", "--watch", ...hub.clientArgs], {
      env: { NO_COLOR: "1" },
    });
    await shows(watch, /○ stopped/);
    await watch.type("\x1b[200~jsty\x1b[201~");
    await shows(watch, /What was pasted is no order/);
    await watch.type("js");
    await run.saw(/quiet: starting → running/);
    await shows(watch, /● 2 ready/);
    await watch.type("ty");
    await run.saw(/quiet: \w+ → stopped/);
    run.signal("SIGINT");
    await run.end();
    await shows(watch, /unreachable/);
    // What the last key came to stands in the place of the reason for a while, or until the next key.
    await watch.type("k");
    await shows(watch, /Cannot find the controller "run"/);
    // deno-lint-ignore no-control-regex -- colours there may not be any
    assertEquals(/\x1b\[[1-9][0-9;]*m/.test(watch.stdout), false, "NO_COLOR");
    await watch.type("q");
    assertEquals(await endsWell(watch), 0);
  },
});

Deno.test({
  name:
    "table: status --watch over a slow line takes answers that come late, and gets used to them",
  ignore,
  async fn() {
    await using hub = await TestHub.start();
    await using run = await connect({
      name: "run",
      server: hub.address,
      info: { program: "abcd run", experiment: "lab" },
    });
    const since = Date.now() / 1000;
    let asked = 0;
    run.on("status", async (message) => {
      const lastLine = `reading ${++asked}`;
      if (asked > 1) await after(4500);
      const p = { name: "p", state: "running", ready: true, since, restarts: 0, lastLine };
      run.reply(message, { experiment: "lab", programs: [p] });
    });
    run.on("stop", (message) => run.reply(message, { error: "it is 3 in the morning" }));
    await using watch = abcdOnTerminal(["status", "--watch", ...hub.clientArgs]);
    await shows(watch, /has not answered for 4 s/);
    assertMatch(watch.stdout, /lab {2}no run|lab {2}hub /);
    assertEquals(
      watch.stdout.includes("no hub"),
      false,
      "it is the controller that does not answer",
    );
    await shows(watch, /reading 2/);
    const before = watch.stdout.length;
    await shows(watch, /reading 3/);
    assertEquals(watch.stdout.slice(before).includes("has not answered"), false);
    await watch.type("ty");
    await shows(watch, /Cannot stop: it is 3 in the morning/);
    await watch.type("q");
    assertEquals(await endsWell(watch), 0);
  },
});

Deno.test({
  name: "table: a terminal that takes nothing any more holds up neither the programs nor the end",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const begun = `${folder.path}/begun`;
    const pids = () => Deno.readTextFileSync(begun).trim().split("\n").map(Number);
    const p = { cmd: `echo $$ >>${begun}; exec sleep 1000`, shell: true, restartSec: 0.05 };
    const file = `${folder.path}/lab.jsonc`;
    await Deno.writeTextFile(file, JSON.stringify({ run: { p } }));
    await using run = abcdOnTerminal(["run", file, `--beacon-port=${freeUdpPort()}`], {
      env: { XDG_STATE_HOME: `${folder.path}/state` },
    });
    await shows(run, /● ready/);
    const pid = await pidOf(run);
    // Nobody reads the terminal; each new size makes the table write all of it.
    run.signal("SIGSTOP");
    try {
      for (let i = 0; i < 100; i++) {
        Deno.kill(pid, "SIGWINCH");
        await after(10);
      }
      Deno.kill(pids()[0] ?? 0, "SIGKILL");
      await until(() => pids().length === 2, "it is not started again", 10_000);
      Deno.kill(pid, "SIGTERM");
      await until(() => readProcess(pid) === undefined, "the controller does not end", 10_000);
    } finally {
      if (readProcess(pid) !== undefined) Deno.kill(pid, "SIGKILL");
      run.signal("SIGCONT");
    }
    await run.end();
    assertEquals(readProcess(pids()[1] ?? 0), undefined);
  },
});

Deno.test({
  name:
    "table: over a line that is slow and takes a lot at once, only the newest page is on its way",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const file = await experiment(folder.path);
    await using terminal = slowTerminal(["run", file, `--beacon-port=${freeUdpPort()}`], {
      XDG_STATE_HOME: `${folder.path}/state`,
    });
    await terminal.reads(/● ready/);
    const pid = Number(/<pid (\d+)>/.exec(terminal.text)?.[1]);
    // Nobody reads for a while, and each new size makes the table draw all of it: a hundred pages.
    for (let i = 0; i < 100; i++) {
      Deno.kill(pid, "SIGWINCH");
      await after(5);
    }
    const before = terminal.text.length;
    await terminal.type("l");
    await terminal.reads(/steady: log/);
    const more = terminal.text.length - before;
    assert(more < 5000, `${more} characters came first`);
    await terminal.type("qqy");
    await terminal.reads(/<after 0 /);
  },
});

Deno.test("table: --watch without a terminal is refused", async () => {
  await using watch = abcd(["status", "--watch"]);
  assertEquals((await watch.end()).code, 2);
  assertStringIncludes(watch.stderr, "not a terminal");
});
