// A night on three computers in some seconds: programs crash and move, and controller, agents and hub
// are killed at any moment. Never are there two of one program, and no line is lost.

import { assert, assertEquals } from "@std/assert";
import { seeded } from "../lib/sim/random.ts";
import { freeTcpPort, type Running, TestHub, until } from "./harness.ts";
import { killNow, Lab } from "./run_lab.ts";

/** Length of the soak in ms, and its seed: longer ones by hand. */
const SOAK_MS = Number(Deno.env.get("ABCD_SOAK_SEC") ?? 6) * 1000;
const SEED = Number(Deno.env.get("ABCD_SOAK_SEED") ?? 1);

Deno.test("a soak of hosts: everything is killed and moved; never two of one program, no line lost", async () => {
  const random = seeded(SEED);
  const pick = <T>(list: readonly [T, ...T[]]) =>
    list[Math.floor(random() * list.length)] ?? list[0];
  const names = ["a", "b", "c"] as const;
  const HOSTS = ["daq2", "daq3"] as const;
  const places: Record<string, string | undefined> = { a: "daq2", b: "daq3", c: undefined };
  const settings: Record<string, number> = { a: 0, b: 0, c: 0 };
  await using lab = await Lab.create({});
  // Each instance holds a lock while it lives: a second one would say so. What it writes is counted
  // up by itself, so that a gap would be seen.
  const cmd = `exec 9>"${lab.path}/lock-$ABCD_NAME"; ` +
    `flock -n 9 || { echo "$ABCD_NAME $$" >>"${lab.path}/double"; exit 1; }; ` +
    "i=0; while :; do i=$((i+1)); echo $$ $i; sleep 0.02 9>&-; done";
  const write = () =>
    lab.write(Object.fromEntries(names.map((name) => {
      const host = places[name];
      return [name, {
        cmd,
        shell: true,
        ...(host === undefined ? {} : { host }),
        env: { N: String(settings[name]) },
        startSec: 0.05,
        restartSec: 0.05,
        restartMaxSec: 0.2,
        stopSec: 1,
        dependsOn: name === "a" ? {} : { a: "started" },
      }];
    })));
  write();
  const ports = [`--http-port=${freeTcpPort()}`, `--tcp-port=${freeTcpPort()}`];
  let hub = await TestHub.start(ports);
  const agents = new Map<string, Running>();
  for (const host of HOSTS) agents.set(host, lab.agent(host, ...hub.clientArgs));
  let controller = lab.run(...hub.clientArgs);
  const did: Record<string, number> = {};
  let round = 0;
  const where = () => `round ${round}, seed ${SEED}, ${JSON.stringify(did)}`;

  function check(): void {
    for (const name of names) {
      const count = lab.instances(name).length;
      assert(count <= 1, `${count} instances of ${name}, ${where()}`);
    }
    assertEquals(lab.text("double"), "", `two instances, ${where()}`);
  }

  async function act(): Promise<string> {
    const what = random();
    if (what < 0.3) {
      const [one] = lab.instances(pick(names));
      try {
        if (one !== undefined) Deno.kill(one.pid, pick(["SIGKILL", "SIGSEGV", "SIGTERM"]));
      } catch {
        // it has just ended
      }
      return "crash";
    }
    if (what < 0.5) {
      const name = pick(names);
      const moves = random() < 0.6;
      if (moves) places[name] = pick([...HOSTS, undefined]);
      else settings[name] = (settings[name] ?? 0) + 1;
      // It reads the file no more then, and SIGHUP does not end it as it would before.
      await controller.saw(/lab: 3 programs/);
      write();
      controller.signal("SIGHUP");
      return moves ? "move" : "change";
    }
    if (what < 0.7) {
      const host = pick(HOSTS);
      const agent = agents.get(host);
      if (agent !== undefined) await killNow(agent);
      agents.set(host, lab.agent(host, ...hub.clientArgs));
      return "agent";
    }
    if (what < 0.9) {
      await killNow(controller);
      controller = lab.run(...hub.clientArgs);
      return "controller";
    }
    await killNow(hub.process);
    hub = await TestHub.start(ports);
    return "hub";
  }

  const end = performance.now() + SOAK_MS;
  while (performance.now() < end) {
    round++;
    const what = await act();
    did[what] = (did[what] ?? 0) + 1;
    check();
    const pause = random() * 400;
    await new Promise((resolve) => setTimeout(resolve, pause));
    check();
  }
  const homes = () =>
    names.every((name) => {
      const [one, ...more] = lab.instances(name);
      if (one === undefined || more.length > 0) return false;
      const id = Deno.readTextFileSync(`/proc/${one.pid}/environ`);
      const place = places[name];
      return id.includes(place === undefined ? `${lab.state}:` : `/agents/${place}/`) &&
        id.includes(`N=${settings[name]}\0`);
    });
  await until(
    () => {
      check();
      try {
        return homes();
      } catch {
        return false; // one of them has just ended
      }
    },
    () => {
      const all = [...agents, ["controller", controller] as const];
      const said = all.map(([who, { stderr }]) => `--- ${who}\n${stderr.slice(-2000)}`);
      return `not every program is where it belongs: ${where()}\n${said.join("\n")}`;
    },
  );
  // Before it listens to signals one would be its end.
  await controller.saw(/lab: 3 programs/);
  controller.signal("SIGTERM");
  assertEquals((await controller.end()).code, 0);
  await hub.process[Symbol.asyncDispose]();
  assertEquals(lab.processes(), []);
  check();
  for (const name of names) {
    for (const log of [lab.log(name), ...HOSTS.map((host) => lab.hostLog(host, name))]) {
      const last = new Map<string, number>();
      for (const [, pid = "", i] of log.matchAll(/^(\d+) (\d+)$/gm)) {
        assertEquals(Number(i), (last.get(pid) ?? 0) + 1, `${name}: ${pid} ${i}, ${where()}`);
        last.set(pid, Number(i));
      }
    }
  }
  console.log(`  ${where()}`);
});
