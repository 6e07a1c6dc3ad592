// SIGKILL of the controller in each state of a program, and again and again at any moment.

import { assert, assertEquals } from "@std/assert";
import { canCollapse } from "../lib/process/log_rotation.ts";
import { seeded } from "../lib/sim/random.ts";
import { until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";

const FOREVER = "while :; do sleep 0.05; done";

/** Tells who it is and what it ended with in a file that every instance appends to. */
function witness(body: string): string {
  return `echo begin $$ >>witness; ${body}`;
}

/** How to bring a program into a state, and what the next controller must make of it. */
const STATES: readonly {
  readonly state: string;
  readonly program: Record<string, unknown>;
  readonly seen: RegExp;
  /** Signal to the first controller that leads there. */
  readonly ask?: Deno.Signal;
  readonly then: RegExp;
  /** Instances begun in all, when that is done. */
  readonly begun: number;
}[] = [
  {
    state: "waiting",
    program: { cmd: witness(FOREVER), dependsOn: { never: "ready" } },
    seen: /p: stopped → waiting/,
    then: /lab: 2 programs/,
    begun: 0,
  },
  {
    state: "starting",
    program: { cmd: witness(FOREVER), startSec: 3 },
    seen: /p: waiting → starting/,
    then: /p: starting → running/,
    begun: 1,
  },
  {
    state: "running",
    program: { cmd: witness(FOREVER), startSec: 0.05 },
    seen: /p: starting → running/,
    then: /p: adopted/,
    begun: 1,
  },
  {
    state: "backoff",
    program: { cmd: witness("exit 9"), startSec: 1, restartSec: 2, startLimit: 2 },
    seen: /p: starting → backoff \(exit code 9\)/,
    then: /p: starting → fatal \(exit code 9/,
    begun: 2,
  },
  {
    state: "stopping",
    program: { cmd: witness(`trap "" TERM; ${FOREVER}`), startSec: 0.05, stopSec: 2 },
    seen: /p: starting → running[^]*p: running → stopping/,
    ask: "SIGTERM",
    // As after an end that was whole.
    then: /p: stopping → waiting \(its controller ended\)[^]*p: starting → running/,
    begun: 2,
  },
  {
    state: "exited",
    program: { cmd: witness("exit 3"), restart: "no", startSec: 0 },
    seen: /p: \w+ → exited \(exit code 3\)/,
    then: /lab: 2 programs/,
    begun: 1,
  },
  {
    state: "fatal",
    program: { cmd: witness("exit 4"), startLimit: 1, startSec: 1 },
    seen: /p: starting → fatal \(exit code 4/,
    then: /lab: 2 programs/,
    begun: 1,
  },
];

for (const { state, program, seen, ask, then, begun } of STATES) {
  Deno.test(`the controller is killed while a program is ${state}`, async () => {
    const never = { cmd: FOREVER, shell: true, startSec: 0.05, ready: { file: "no-such-file" } };
    await using lab = await Lab.create({ p: { shell: true, ...program }, never });
    await using first = lab.run();
    await first.saw(/never: starting → running/);
    if (ask !== undefined) {
      await first.saw(/p: starting → running/);
      first.signal(ask);
    }
    await first.saw(seen);
    await killNow(first);
    await using second = lab.run();
    await second.saw(then);
    // Told to stop it may have ended before this one came.
    await second.saw(ask === undefined ? /never: adopted/ : /never: (adopted|waiting → starting)/);
    const began = () => lab.text("witness").split("\n").length - 1;
    await until(() => began() === begun, `${begun} instances were to begin`);
    assert(lab.instances("p").length <= 1);
    second.signal("SIGTERM");
    assertEquals((await second.end()).code, 0);
    assertEquals(began(), begun);
    assertEquals(lab.processes(), []);
  });
}

Deno.test("the controller is killed while a program that was taken out of the file stops: back in it, it starts", async () => {
  const q = { cmd: FOREVER, shell: true, startSec: 0.05 };
  const p = { cmd: witness(`trap "" TERM; ${FOREVER}`), shell: true, startSec: 0.05, stopSec: 1 };
  await using lab = await Lab.create({ q, p });
  await using first = lab.run();
  await first.saw(/p: starting → running/);
  lab.write({ q });
  first.signal("SIGHUP");
  await first.saw(/p: running → stopping/);
  await killNow(first);
  lab.write({ q, p });
  await using second = lab.run();
  await second.saw(/p: stopping → waiting[^]*p: starting → running/);
  assertEquals(lab.instances("p").length, 1);
  second.signal("SIGTERM");
  assertEquals((await second.end()).code, 0);
});

/** Length of the soak in ms, and its seed: longer ones by hand. */
const SOAK_MS = Number(Deno.env.get("ABCD_SOAK_SEC") ?? 6) * 1000;
const SEED = Number(Deno.env.get("ABCD_SOAK_SEED") ?? 1);

Deno.test("a soak of crashes, reloads and killed controllers: never two of one program", async (t) => {
  const exact = await canCollapse(Deno.env.get("TMPDIR") ?? "/tmp");
  const random = seeded(SEED);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)];
  const names = ["a", "b", "c", "d"];
  // Each instance holds a lock of its program while it lives: a second one would say so. What it
  // writes is counted up by itself, so that a gap would be seen.
  const cmd =
    'exec 9>"lock-$ABCD_NAME"; flock -n 9 || { echo "$ABCD_NAME $$" >>double; exit 1; }; ' +
    "i=0; while :; do i=$((i+1)); echo $$ $i; sleep 0.02 9>&-; done";
  const program = (n: number) => ({
    cmd,
    shell: true,
    startSec: 0.05,
    restartSec: 0.05,
    restartMaxSec: 0.2,
    stopSec: 1,
    env: { N: String(n) },
    // Where the front of a log cannot be cut off, moving it aside is not exact.
    log: exact ? { maxBytes: 20_000, backups: 200 } : {},
  });
  const settings = names.map(() => 0);
  const file = () => Object.fromEntries(names.map((name, i) => [name, program(settings[i] ?? 0)]));
  await using lab = await Lab.create(file());
  let controller = lab.run();
  await controller.saw(/lab: 4 programs/);
  const did: Record<string, number> = { crash: 0, kill: 0, reload: 0 };
  const end = performance.now() + SOAK_MS;
  let round = 0;

  function check(): void {
    for (const name of names) {
      const count = lab.instances(name).length;
      assert(count <= 1, `${count} instances of ${name}, round ${round}, seed ${SEED}`);
    }
    assertEquals(lab.text("double"), "", `two instances, round ${round}, seed ${SEED}`);
  }

  while (performance.now() < end) {
    round++;
    const what = random();
    if (what < 0.5) {
      const victim = pick(names) ?? "a";
      const [one] = lab.instances(victim);
      const signal = pick(["SIGKILL", "SIGSEGV", "SIGTERM"] as const) ?? "SIGKILL";
      if (one !== undefined) Deno.kill(one.pid, signal);
      did.crash = (did.crash ?? 0) + 1;
    } else if (what < 0.75) {
      const i = Math.floor(random() * names.length);
      settings[i] = (settings[i] ?? 0) + 1;
      lab.write(file());
      controller.signal("SIGHUP");
      did.reload = (did.reload ?? 0) + 1;
    } else {
      await killNow(controller);
      controller = lab.run();
      // SIGHUP ends who does not listen to it yet.
      await controller.saw(/lab: 4 programs/);
      did.kill = (did.kill ?? 0) + 1;
    }
    check();
    const pause = random() * 150;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  await until(
    () => names.every((name) => lab.instances(name).length === 1),
    `not every program is back: ${controller.stderr.slice(-2000)}`,
  );
  check();
  controller.signal("SIGTERM");
  assertEquals((await controller.end()).code, 0);
  assertEquals(lab.processes(), []);
  await t.step(`${JSON.stringify(did)}: every instance counts up without a gap`, () => {
    for (const name of names) {
      const log = "state/abcd/lab/log/" + name + ".log";
      const parts = Array.from({ length: 200 }, (_, i) => lab.text(`${log}.${200 - i}`));
      const lines = (parts.join("") + lab.text(log)).split("\n");
      const last = new Map<string, number>();
      for (const line of lines) {
        const [pid = "", i = ""] = /^(\d+) (\d+)$/.exec(line)?.slice(1) ?? [];
        if (pid === "") continue;
        const before = Number(i) === 1 ? 0 : last.get(pid) ?? 0;
        assertEquals(Number(i), before + 1, `${name}: ${line} comes after ${pid} ${before}`);
        last.set(pid, Number(i));
      }
      assert(last.size > 0, `${name} wrote nothing`);
    }
  });
});
