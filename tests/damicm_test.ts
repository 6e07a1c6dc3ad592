// The experiment that abcd brings along, as it is, with its instruments killed under it.

import { assert, assertEquals } from "@std/assert";
import { connect } from "../mod.ts";
import { abcd, freeUdpPort, temporaryFolder, TestHub, until } from "./harness.ts";

const DAMICM = new URL("../experiments/damicm.jsonc", import.meta.url);

/** "Within seconds" on a computer that has other things to do. */
const BACK_MS = 5000;

Deno.test("a CCD that is killed is back and ready within 5 s, and the spy sees it", async () => {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/damicm.jsonc`;
  await Deno.copyFile(DAMICM, file);
  await using hub = await TestHub.start();
  await using client = await connect({ name: "test", server: hub.address });
  const states: string[] = [];
  client.subscribe("run/ccd1/state", ({ state, ready }) => {
    states.push(ready === true ? `${state} and ready` : String(state));
  });
  await client.flush();
  await using spy = abcd(["spy", "--only=topic=run/ccd1/state", "--json", ...hub.clientArgs]);
  await spy.saw(/joined/);
  await using run = abcd(
    [
      "run",
      file,
      `--log-folder=${folder.path}/log`,
      `--beacon-port=${freeUdpPort()}`,
      ...hub.clientArgs,
    ],
    { cwd: folder.path },
  );

  async function pidOf(name: string): Promise<number | undefined> {
    return (await client.clients()).find((one) => one.name === name)?.info.pid;
  }
  for (const name of ["pressure", "cryo", "hv", "ccd1", "ccd2"]) {
    await run.saw(new RegExp(`${name}: ready`), 60_000);
  }
  await until(() => states.includes("running and ready"), "ccd1 does not say that it is ready");
  const first = await until(() => pidOf("ccd1"), "ccd1 is not in the hub");
  const seen = spy.stdout.length;
  states.length = 0;

  const begin = performance.now();
  Deno.kill(first, "SIGKILL");
  await until(
    () => states.includes("backoff") && states.at(-1) === "running and ready",
    "ccd1 is not ready again",
  );
  const took = performance.now() - begin;
  assert(took < BACK_MS, `it took ${took} ms`);
  const second = await until(() => pidOf("ccd1"), "ccd1 is not in the hub again");
  assert(second !== first);
  await until(() => spy.stdout.slice(seen).includes('"ready":true'), "the spy has not seen it");

  run.signal("SIGINT");
  assertEquals((await run.end(60_000)).code, 0);
  await until(
    async () => (await client.clients()).every(({ name }) => name === "test" || name === "spy"),
    "programs are left",
  );
});
