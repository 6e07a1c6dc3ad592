import { assertEquals } from "@std/assert";
import { parseExperiment } from "../experiment/experiment_file.ts";
import { NO_LOG } from "../log.ts";
import { LOOKS_HERE } from "../process/look.ts";
import type { Start, StartOptions } from "../process/start_contract.ts";
import { createSshRunner } from "./ssh_runner.ts";

/** The variables that a program gets which is started through ssh, where those at home are these. */
function variablesThere(here: { readonly [name: string]: string }): StartOptions["env"] {
  const run = { p: { cmd: "x", host: "daq2", via: "ssh" } };
  const [program] = parseExperiment(JSON.stringify({ run }), "/lab/lab.jsonc").programs;
  if (program === undefined) throw new Error("there is no program");
  let env: StartOptions["env"] = {};
  const start = { look: () => ({ state: "starting" }), shellEnded: new Promise(() => {}) };
  const runner = createSshRunner(program, {
    log: NO_LOG,
    now: () => 0,
    logPath: (name) => `/dev/null/${name}.log`,
    changed() {},
    verdict() {},
    newId: () => "id",
    basePath: (id) => id,
    presence: {
      known: false,
      has: () => false,
      said: () => undefined,
      refresh() {},
      [Symbol.dispose]() {},
    },
    outOfMemory: { look() {}, judge: () => ({ outOfMemory: "no" }) },
    command: ({ argv }) => argv,
    environment: () => here,
    save() {},
    over() {},
  }, {
    start: (options) => ((env = options.env), start as Partial<Start> as Start),
    adopt: () => start as Partial<Start> as Start,
    forget() {},
    looks: LOOKS_HERE,
    [Symbol.dispose]() {},
  });
  runner.fire({ type: "start" });
  runner.fire({ type: "dependenciesHold" });
  return env;
}

Deno.test("ssh runner: a program elsewhere is told of the hub by an address that means the same there, and of no path", () => {
  const here = { ABCD_BEACON_PORT: "7000", PATH: "/here/bin", ABCD_KEY_FILE: "/home/a/key" };
  const basic = { ABCD_NAME: "p", ABCD_BEACON_PORT: "7000" };
  for (const server of ["localhost:9819", "127.0.0.1:9819", "[::1]:9819", "::1", ""]) {
    assertEquals(variablesThere({ ...here, ABCD_SERVER: server }), basic, server);
  }
  for (const server of ["daq1:9819", "10.0.0.7:9819", "wss://hub.lab.org"]) {
    const env = { ...basic, ABCD_SERVER: server };
    assertEquals(variablesThere({ ...here, ABCD_SERVER: server }), env, server);
  }
  assertEquals(variablesThere({}), { ABCD_NAME: "p" });
});
