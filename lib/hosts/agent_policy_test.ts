import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseRule } from "../exec/policy.ts";
import { type AgentPolicy, mayControl, permit } from "./agent_policy.ts";
import { parseExperiment } from "../experiment/experiment_file.ts";
import type { Program } from "../experiment/program.ts";

function policy(given: { experiments?: string[]; folders?: string[]; allow?: string[] }) {
  const rules = (given.allow ?? []).map((text) => parseRule(text, (name) => `/usr/bin/${name}`));
  const made: AgentPolicy = {
    experiments: given.experiments ?? [],
    folders: given.folders ?? [],
    commands: { rules, allowAll: false, shell: false },
  };
  return made;
}

function program(keys: object): Program {
  const [one] = parseExperiment(JSON.stringify({ run: { p: keys } }), "/lab/lab.jsonc").programs;
  assert(one !== undefined);
  return one;
}

Deno.test("agent policy: an experiment that is allowed may run anything, another nothing", () => {
  const p = policy({ experiments: ["lab"] });
  const rm = program({ cmd: "rm -r x", shell: true, env: { LD_PRELOAD: "x" } });
  assert(permit(p, "lab", rm).allowed);
  assert(mayControl(p, "lab"));
  assertEquals(mayControl(p, "Lab"), false);
  const refused = permit(p, "other", rm);
  assert(!refused.allowed);
  assertStringIncludes(refused.text, "--allow-experiment other");
});

Deno.test("agent policy: commands are allowed with their arguments, and become absolute", () => {
  const p = policy({ allow: ["readout --gain *"] });
  assert(mayControl(p, "lab"));
  assertEquals(permit(p, "lab", program({ cmd: "readout --gain 2" })), {
    allowed: true,
    argv: ["/usr/bin/readout", "--gain", "2"],
  });
  for (
    const keys of [
      { cmd: "readout --gain 2 x" },
      { cmd: "./readout --gain 2" },
      { cmd: "readout --gain 2", shell: true },
      { cmd: "readout --gain 2", env: { PATH: "." } },
      { cmd: "readout --gain 2", ready: { exec: "sh -c 'rm x'" } },
      { cmd: "readout --gain 2", alive: { exec: ["rm", "x"] } },
    ]
  ) assertEquals(permit(p, "lab", program(keys)).allowed, false, JSON.stringify(keys));
});

Deno.test("agent policy: a folder allows what lies in it, and nothing beside or below it", () => {
  const p = policy({ folders: ["/opt/daq"] });
  assert(permit(p, "lab", program({ cmd: "/opt/daq/readout -x" })).allowed);
  for (
    const cmd of [
      "/opt/daq/../bin/sh",
      "/opt/daq/",
      "/opt/daq/..",
      "/opt/daq2/x",
      "/opt/daq/a/b",
      "x",
    ]
  ) assertEquals(permit(p, "lab", program({ cmd })).allowed, false, cmd);
});
