// The simulated instruments in a data-taking run, told as a run controller tells them.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../mod.ts";
import { abcd, temporaryFolder, TestHub, until } from "./harness.ts";

Deno.test("sim: a ccd writes the run into its images, hv ramps down when all is to be safe", async () => {
  await using folder = await temporaryFolder();
  await using hub = await TestHub.start();
  await using client = await connect({ name: "run", server: hub.address });
  const images: { file: unknown; run: unknown }[] = [];
  let volts: number[] = [];
  client.subscribe("ccd/image", ({ file, run }) => void images.push({ file, run }));
  client.subscribe("hv/monit", ({ channels }) => {
    volts = Array.isArray(channels) ? channels.map((one) => Number(one.voltage)) : [];
  });
  await client.flush();
  await using ccd = abcd([
    ...["sim", "ccd", "--name=ccd", "--period=600", "--width=8", "--height=8"],
    ...[`--folder=${folder.path}`, ...hub.clientArgs],
  ]);
  await using hv = abcd(["sim", "hv", "--name=hv", "--period=0.05", ...hub.clientArgs]);
  await ccd.saw(/Joined/);
  await hv.saw(/Joined/);
  const tell = (to: string, cmd: string, fields: object) =>
    client.request({ cmd, to, experiment: "lab", ...fields });

  const run = { run: 17, label: "dark", config: { exposure: "long" } };
  const refused = await tell("ccd", "run-start", run);
  assertEquals([refused.ok, refused.text], [false, 'Cannot expose for "long" s']);
  const start = await tell("ccd", "run-start", { ...run, config: { exposure: 500 } });
  assertEquals(start.ok, true, String(start.text));
  await ccd.saw(/exposing for 500 s/);
  // It reads out what it has so far before it says yes.
  const stop = await tell("ccd", "run-stop", { run: 17, verdict: "good" });
  assertEquals(stop.ok, true, String(stop.text));
  await until(() => images.length > 0, "there is no image");
  assertEquals(images, [{ file: `${folder.path}/ccd_00001.fits`, run: 17 }]);
  const header = (await Deno.readTextFile(`${folder.path}/ccd_00001.fits`)).slice(0, 2880);
  assert(/RUNNUM {2}= +17 /.test(header), header);
  assertStringIncludes(header, "RUNLABEL= 'dark");
  await ccd.saw(/exposing for 600 s/);

  await tell("hv", "set", { channel: 1, voltage: 1 });
  await until(() => volts[1] === 1, "the voltage is not there");
  assertEquals((await tell("hv", "safe", { reason: "smoke" })).ok, true);
  await until(() => volts[1] === 0, "it does not ramp down");
  const no = await tell("hv", "set", { channel: 1, voltage: 1 });
  assertEquals([no.cmd, no.text], ["error", "Cannot set it: the experiment is safe"]);
  await tell("hv", "safe-end", {});
  assertEquals((await tell("hv", "set", { channel: 1, voltage: 1 })).cmd, "ok");
});
