// `ready` and `alive`, each probe with a real program; memory; dependants that restart with another.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../lib/client.ts";
import { readStatus } from "../lib/status/read_status.ts";
import { after, freeTcpPort, runAbcd, TestHub, until } from "./harness.ts";
import { Lab } from "./run_lab.ts";

const FOREVER = "while :; do sleep 0.05; done";
const quick = { shell: true, startSec: 0.05, restartSec: 0.05, stopSec: 5 };
/** Longer than any probe of a test waits that is not to fail, and shorter than a hub does, in milliseconds. */
const HALTED_MS = 7000;

Deno.test("ready by file, logLine, exec and tcp: the next waits for each", async () => {
  await using lab = await Lab.create({});
  const port = freeTcpPort();
  const listen = `Deno.listen({hostname: "127.0.0.1", port: ${port}}); setInterval(() => {}, 1000)`;
  const until = (test: string) => `while ! ${test}; do sleep 0.02; done;`;
  lab.write({
    file: {
      cmd: `${until("test -e go1")} touch up1; ${FOREVER}`,
      ...quick,
      ready: { file: "up1" },
    },
    line: {
      cmd: `echo not yet; ${until("test -e go2")} echo it is 42 up; ${FOREVER}`,
      ...quick,
      dependsOn: { file: "ready" },
      ready: { logLine: "^it is \\d+ up$" },
    },
    exec: {
      cmd: `${until("test -e go3")} touch up3; ${FOREVER}`,
      ...quick,
      dependsOn: { line: "ready" },
      ready: { exec: "test -e up3", periodSec: 0.05 },
    },
    tcp: {
      cmd: [Deno.execPath(), "eval", listen],
      startSec: 0.05,
      dependsOn: { exec: "ready" },
      ready: { tcp: port, periodSec: 0.05 },
    },
    last: { cmd: FOREVER, ...quick, dependsOn: { tcp: "ready" } },
  });
  await using run = lab.run();
  const order = ["file", "line", "exec", "tcp"];
  for (const [i, name] of order.entries()) {
    await run.saw(new RegExp(`${name}: starting → running`));
    const next = [...order, "last"][i + 1] ?? "";
    assert(!run.stderr.includes(`${name}: ready`), run.stderr);
    assert(!run.stderr.includes(`${next}: waiting → starting`), run.stderr);
    await Deno.writeTextFile(`${lab.path}/go${i + 1}`, "");
    await run.saw(new RegExp(`${name}: ready`));
  }
  await run.saw(/last: ready/);
});

Deno.test("not ready in time: restarted, and said why", async () => {
  await using lab = await Lab.create({
    p: { cmd: FOREVER, ...quick, ready: { file: "never", timeoutSec: 0.3, periodSec: 0.05 } },
  });
  await using run = lab.run();
  await run.saw(/p: running → stopping \(was not ready within 0.3 s: no file \S+never\)/);
  await run.saw(/p: stopping → starting/);
});

Deno.test("alive: so many failures in a row restart it, one in between does not", async () => {
  await using lab = await Lab.create({});
  const count = `${lab.path}/asked`;
  // Fails each second time it is asked, until there is a file "dead".
  const probe = `n=$(cat ${count} 2>/dev/null || echo 0); n=$((n+1)); echo $n >${count}; ` +
    `test ! -e dead && test $((n % 2)) = 0`;
  lab.write({
    p: {
      cmd: FOREVER,
      ...quick,
      alive: { exec: ["sh", "-c", probe], periodSec: 0.05, failures: 2 },
    },
  });
  await using run = lab.run();
  await until(() => Number(lab.text("asked")) > 10, "the probe is not asked");
  assert(!run.stderr.includes("stopping"), run.stderr);
  await Deno.writeTextFile(`${lab.path}/dead`, "");
  await run.saw(
    /p: running → stopping \(is not alive: exec sh .* failed 2 times in a row: exit code 1\)/,
  );
  await run.saw(/p: stopping → starting/);
});

Deno.test("processor and memory are told; with more than memoryMaxBytes: restarted; the whole tree counts", async () => {
  const hog = `const b = new Uint8Array(150e6).fill(1); setInterval(() => b.at(1), 1000)`;
  await using lab = await Lab.create({
    hog: {
      cmd: `"${Deno.execPath()}" eval '${hog}' & wait`,
      ...quick,
      memoryMaxBytes: 120_000_000,
    },
    small: { cmd: FOREVER, ...quick, memoryMaxBytes: 120_000_000 },
  });
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  await using run = lab.run(...hub.clientArgs);
  await run.saw(
    /hog: running → stopping \(uses \d{3} MB of memory, more than memoryMaxBytes, 120 MB\)/,
  );
  await run.saw(/hog: stopping → starting/);
  await run.saw(/in hub/);
  await until(async () => {
    const ask = { cmd: "status", to: "run", programs: ["small"] };
    return /"cpuPercent":[\d.]+,"memoryBytes":\d{5,}/.test(
      JSON.stringify(await client.request(ask)),
    );
  }, "processor and memory are not told");
  assert(!run.stderr.includes("small: running → stopping"), run.stderr);
});

Deno.test("withDependency: restarted with the other; without it, left alone", async () => {
  await using lab = await Lab.create({
    base: { cmd: FOREVER, ...quick },
    with: { cmd: FOREVER, ...quick, dependsOn: { base: "ready" }, withDependency: true },
    without: { cmd: FOREVER, ...quick, dependsOn: { base: "ready" } },
  });
  await using run = lab.run();
  await run.saw(/with: ready/);
  await run.saw(/without: ready/);
  const [base, first, alone] = ["base", "with", "without"].map((name) =>
    lab.instances(name)[0]?.pid
  );
  Deno.kill(base ?? 0, "SIGKILL");
  await run.saw(/with: restarted with base[^]*base: ready[^]*with: ready/);
  await until(() => lab.instances("with").length === 1, "not one instance");
  assert(lab.instances("with")[0]?.pid !== first);
  assertEquals(lab.instances("without").map(({ pid }) => pid), [alone]);
});

Deno.test("by message: log, following it, why, reload", async () => {
  await using lab = await Lab.create({});
  const file = `${lab.path}/lab.jsonc`;
  const talk = `n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done`;
  const program = { cmd: talk, ...quick };
  lab.write({ talk: program, dies: { cmd: "echo oh; kill -SEGV $$", ...quick, startSec: 0 } });
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  const lines: string[] = [];
  client.subscribe("run/talk/log", ({ line }) => void lines.push(String(line)));
  await client.flush();
  await using run = lab.run(...hub.clientArgs);
  await run.saw(/in hub/);
  await run.saw(/talk: ready/);
  await until(() => lab.log("talk").includes("line 5\n"), "it does not talk");

  const log = await client.request({
    cmd: "log",
    to: "run",
    programs: ["talk"],
    lines: 2,
    follow: true,
  });
  const answered = Array.isArray(log.lines) ? log.lines.map((one) => JSON.stringify(one)) : [];
  assertEquals(answered.length, 2);
  assert(
    answered.every((one) => /^{"program":"talk","line":"line \d+"}$/.test(one)),
    String(answered),
  );
  await until(() => lines.length > 5, "no new lines are sent");
  const numbers = lines.map((line) => Number(line.slice(5)));
  assertEquals(numbers, numbers.map((_, i) => (numbers[0] ?? 0) + i));

  const why = await client.request({ cmd: "why", to: "run", programs: ["dies"] });
  const text = JSON.stringify(why.verdicts);
  assert(/SIGSEGV; it used memory that is not its own;/.test(text), text);
  assert(/Its last lines:\\n {2}oh"/.test(text), text);

  await Deno.writeTextFile(file, `{"run": {"talk": {"cmmd": "x"}}}`);
  const bad = await client.request({ cmd: "reload", to: "run" });
  assert(/unknown key "cmmd"/.test(String(bad.error)), String(bad.error));
  assertEquals(lab.instances("talk").length, 1);
  lab.write({ talk: program, fresh: { cmd: FOREVER, ...quick } });
  const good = await client.request({ cmd: "reload", to: "run" });
  assertEquals(good.text, "new: fresh; no longer there: dies");
  lab.write({ talk: program, fresh: { cmd: "no-such-thing" } });
  const doubtful = await client.request({ cmd: "reload", to: "run" });
  assert(
    /^restarting: fresh; in doubt: .*there is no command no-such-thing/.test(String(doubtful.text)),
    String(doubtful.text),
  );
});

Deno.test("status: what a client says of itself makes its program ready, is shown, and lost again", async () => {
  await using lab = await Lab.create({
    p: {
      cmd: FOREVER,
      ...quick,
      ready: { status: "ready" },
      alive: { status: ["ready", "busy"], timeoutSec: 0.5 },
    },
    q: {
      cmd: FOREVER,
      ...quick,
      alive: { status: { state: "ready", client: "beats", maxAgeSec: 2 }, timeoutSec: 3 },
    },
  });
  await using hub = await TestHub.start();
  await using p = await connect({ name: "p", server: hub.address });
  await using beats = await connect({ name: "beats", server: hub.address });
  let isBeating = true;
  // Deno 2.4 may call one that was cleared.
  const beat = setInterval(() => isBeating && beats.status("ready"), 50);
  try {
    p.status("cooling", "143 K");
    await p.flush();
    await using run = lab.run(...hub.clientArgs);
    await run.saw(/in hub/);
    await run.saw(/q: ready/);
    const inHub = async () => (await p.clients()).some(({ name }) => name === "run");
    await until(inHub, "the controller is not in the hub");
    const said = async () => {
      const status = readStatus(await p.request({ cmd: "status", to: "run", programs: ["p"] }));
      return status.programs[0]?.said;
    };
    // It was said before the controller came.
    await until(async () => (await said())?.text === "143 K", "it does not know what was said");
    assert(!run.stderr.includes("p: ready"), run.stderr);
    const table = await runAbcd(["status", ...hub.clientArgs]);
    assert(/^p +◑ running .* cooling: 143 K$/m.test(table.stdout), table.stdout);
    p.status("ready");
    await run.saw(/p: ready/);
    p.status("busy", "image 7");
    await until(async () => (await said())?.state === "busy", "it does not know the new state");
    p.status("confused");
    await run.saw(
      /p: running → stopping \(is not alive: no status ready or busy of p for 0.5 s\)/,
    );
    await run.saw(/p: stopping → starting/);
    // Said again and again: alive for longer than any of its limits, and not without.
    assert(!run.stderr.includes("q: running → stopping"), run.stderr);
    isBeating = false;
    await run.saw(/q: running → stopping \(is not alive: no status ready of beats within 2 s/);
  } finally {
    isBeating = false;
    clearInterval(beat);
  }
});

for (const isAll of [false, true]) {
  const who = isAll ? "all is" : "the controller itself is";
  Deno.test(`absent: the time in which ${who} halted is held against nobody`, async () => {
    await using lab = await Lab.create({
      beats: {
        cmd: FOREVER,
        ...quick,
        alive: { status: { state: "on", maxAgeSec: 2 }, timeoutSec: 3 },
      },
      talks: {
        cmd: "while :; do echo on; sleep 0.1; done",
        ...quick,
        alive: { logLine: "on", timeoutSec: 3 },
      },
      asked: {
        cmd: FOREVER,
        ...quick,
        alive: { exec: ["sh", "-c", "echo >>asked; sleep 0.5"], periodSec: 0.1, failures: 1 },
      },
      late: { cmd: FOREVER, ...quick, ready: { file: "up", timeoutSec: 5, periodSec: 0.1 } },
    });
    await using hub = await TestHub.start();
    await using beats = await connect({ name: "beats", server: hub.address });
    let isHalted = false;
    let isOver = false;
    // Deno 2.4 may call one that was cleared.
    const beat = setInterval(() => isHalted || isOver || beats.status("on"), 100);
    try {
      await using run = lab.run(...hub.clientArgs);
      for (const name of ["beats", "talks", "asked"]) await run.saw(new RegExp(`${name}: ready`));
      const asked = () => lab.text("asked").length;
      const before = asked();
      await until(() => asked() > before, "the probe is not asked");

      run.signal("SIGSTOP");
      isHalted = isAll;
      const pids = isAll ? lab.processes().map(({ pid }) => pid) : [];
      const signalAll = (signal: Deno.Signal) => {
        for (const pid of pids) {
          try {
            Deno.kill(pid, signal);
          } catch {
            // one that only sleeps for a moment has ended
          }
        }
      };
      signalAll("SIGSTOP");
      await after(HALTED_MS);
      signalAll("SIGCONT");
      isHalted = false;
      Deno.writeTextFileSync(`${lab.path}/up`, "");
      run.signal("SIGCONT");

      await run.saw(/late: ready/);
      const then = asked();
      // It takes half a second each time: longer than any tick.
      await until(() => asked() > then + 2, "the probe is not asked any more");
      assert(!/→ (stopping|backoff)/.test(run.stderr), run.stderr);
    } finally {
      isOver = true;
      clearInterval(beat);
    }
  });
}
