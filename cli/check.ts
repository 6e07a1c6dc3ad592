// abcd check: reads an experiment file and shows what a run of it would do; nothing is started.

import { startSteps } from "../lib/experiment/start_order.ts";
import { gigabytes } from "../lib/run/disk_watch.ts";
import { describeProbe } from "../lib/run/probes.ts";
import type { Program } from "../lib/experiment/program.ts";
import { escapeControls } from "../lib/plain_text.ts";
import { defineCommand, EXIT } from "./command.ts";
import { doubtsOf } from "../lib/run/doubts.ts";
import { readExperiment } from "./experiment.ts";

/** A word as a shell takes it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What it has to do with data-taking runs. */
function runsOf({ runOrder, required, essential, transitionSec, config }: Program): string {
  const has = Object.keys(config).length > 0;
  return [
    ...(runOrder === undefined ? [] : [`told at place ${runOrder}, answers in ${transitionSec} s`]),
    ...(runOrder !== undefined && has ? [`with ${JSON.stringify(config)}`] : []),
    ...(essential ? ["no run starts without it, its loss makes all safe"] : []),
    ...(required && !essential ? ["no run starts without it"] : []),
  ].join("; ");
}

function settings(program: Program): string[] {
  const { dependsOn, ready, alive, env, memoryMaxBytes } = program;
  const needs = Object.entries(dependsOn).map(([name, kind]) => `${name} ${kind}`);
  const { restart, restartSec, restartMultiplier, restartMaxSec, startLimit } = program;
  const backOff = restart === "no"
    ? "no"
    : `${restart}; ${restartSec} s after a failure, then ×${restartMultiplier} up to ${restartMaxSec} s` +
      (startLimit === 0 ? "" : `, ${startLimit} failures at most`);
  const rows: (readonly [string, string])[] = [
    ["command", program.argv.map(quote).join(" ")],
    ["computer", program.host === undefined ? "" : `${program.host}, via ${program.via}`],
    ["folder", program.host === undefined ? program.cwd : `${program.cwd} (on ${program.host})`],
    ["terminal", program.screen ? "in GNU screen; abcd attach" : ""],
    ["environment", Object.entries(env).map(([k, v]) => `${k}=${quote(v)}`).join(" ")],
    ["waits for", needs.join(", ")],
    ["ready when", ready === undefined ? `alive for ${program.startSec} s` : describeProbe(ready)],
    ["alive while", alive === undefined ? "" : describeProbe(alive)],
    ["memory", memoryMaxBytes === 0 ? "" : `restarted above ${gigabytes(memoryMaxBytes)}`],
    ["restart", backOff],
    ["stop", `${program.stopSignal}, SIGKILL after ${program.stopSec} s`],
    ["runs", runsOf(program)],
    ["starts", program.autostart ? "" : "only when told to (autostart is false)"],
  ];
  return rows.filter(([, text]) => text !== "").map(([key, text]) =>
    `    ${key.padEnd(12)} ${escapeControls(text)}`
  );
}

/** `abcd check`. */
export default defineCommand({
  name: "check",
  summary: "look an experiment file over without starting anything",
  usage: "FILE",
  arity: [1, 1],
  description:
    "Names every error of the file with its line and column, exit code 2; or shows what a run would start, in which order, with every setting that the file leaves out.",
  options: { json: { type: "flag", help: "the settings of all programs, one JSON object" } },
  needs: ["read", "env"],
  examples: [
    ["abcd check damicm.jsonc", "what would be started"],
    ["abcd check damicm.jsonc --json", "for another program to read"],
  ],
  run({ options, args }) {
    const experiment = readExperiment(args[0] ?? "");
    if (options.json) {
      console.log(JSON.stringify(experiment, undefined, 2));
      return Promise.resolve(EXIT.done);
    }
    const { programs } = experiment;
    const doubts = doubtsOf(experiment);
    const lines = [
      `${experiment.name}: ${programs.length} program${
        programs.length === 1 ? "" : "s"
      }, controller "${experiment.controller}"; the file has no error${
        doubts.length === 0 ? "" : ", but see what is in doubt"
      }`,
    ];
    for (const doubt of doubts) console.error(`abcd check: ${doubt}`);
    for (const [i, step] of startSteps(programs).entries()) {
      lines.push("", i === 0 ? "At once:" : `Step ${i + 1}:`);
      for (const program of step) lines.push(`  ${program.name}`, ...settings(program));
    }
    const { warnBytes, criticalBytes, folders, hostFolders } = experiment.disk;
    const far = Object.entries(hostFolders).flatMap(([host, paths]) =>
      paths.map((path) => `${host}:${path}`)
    );
    lines.push(
      "",
      "Disks:",
      `    ${"alarm".padEnd(12)} under ${gigabytes(warnBytes)}, critical under ${
        gigabytes(criticalBytes)
      }`,
      `    ${"folders".padEnd(12)} those of the logs and of the programs, on every host${
        [...folders, ...far].map((folder) => `, ${folder}`).join("")
      }`,
    );
    console.log(lines.join("\n"));
    return Promise.resolve(EXIT.done);
  },
});
