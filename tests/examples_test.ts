// Each example that abcd brings along, written by "abcd init", runs as it is, with a hub of its own.

import { assert, assertEquals } from "@std/assert";
import { EXAMPLES } from "../cli/init.ts";
import { parseExperiment } from "../lib/experiment/experiment_file.ts";
import { abcd, freeUdpPort, runAbcd, temporaryFolder, within } from "./harness.ts";

async function hasPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

/** Writes an example into a folder of its own, runs it, and stops it when every program is ready. */
async function tryExample(name: string, file: string): Promise<void> {
  await using folder = await temporaryFolder();
  const options = { cwd: folder.path };
  const wrote = await runAbcd(["init", name], options);
  assertEquals(wrote.code, 0, wrote.stderr);
  assertEquals((await runAbcd(["init", name], options)).code, 1, "it was written over");
  const { programs } = parseExperiment(
    await Deno.readTextFile(`${folder.path}/${file}`),
    `${folder.path}/${file}`,
  );
  const ports = ["--http-port=0", "--tcp-port=0", `--beacon-port=${freeUdpPort()}`];
  await using run = abcd(["run", file, "--with-server", ...ports], options);
  for (const program of programs) {
    await run.saw(new RegExp(`${program.name}: (ready|starting → running)`), 60_000);
  }
  if (name === "muon") {
    await run.saw(/telescope: ready/);
    const lines = (await Deno.readTextFile(`${folder.path}/data/messages.ndjson`)).split("\n");
    const counts = lines.slice(0, -1).map((line) => JSON.parse(line))
      .find(({ topic }) => topic === "telescope/counts");
    assert(counts?.rate >= 0, lines.join("\n"));
    const kept = await runAbcd(["history", ports.at(-1) ?? "", "--cmd=counts", "--json"]);
    assertEquals(JSON.parse(kept.stdout.split("\n")[0] ?? "").from, "telescope", kept.stderr);
  }
  if (name === "python") {
    await run.saw(/logger: ready/);
    await run.saw(/thermometer: ready/);
    const [, port] = await run.saw(/listens: http \S+:(\d+)/);
    const server = `--server=127.0.0.1:${port}`;
    const start = await runAbcd(["start-run", server]);
    assertEquals(start.code, 0, start.stderr);
    await within(runAbcd(["spy", server, "--only=cmd=monit", "--count=1"]), 20_000, "no monit");
    const stop = await runAbcd(["stop-run", server]);
    assert(stop.stdout.includes("run 1 has ended: good"), stop.stdout + stop.stderr);
    const logged = await Deno.readTextFile(`${folder.path}/data/run-000001.ndjson`);
    const [line = ""] = logged.split("\n");
    assert(JSON.parse(line).celsius > 0, line);
  }
  run.signal("SIGINT");
  assertEquals((await run.end(60_000)).code, 0, run.stderr);
}

Deno.test("each example: written, started, every program ready, stopped", async (t) => {
  const python = await hasPython();
  // Beside each other, as most of it is waiting: each step has processes of its own alone.
  const beside = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  await Promise.all(
    Object.entries(EXAMPLES).map(([name, { files: [file] }]) =>
      t.step({
        name,
        ignore: name === "python" && !python,
        fn: () => tryExample(name, file),
        ...beside,
      })
    ),
  );
});
